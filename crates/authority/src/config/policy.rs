//! What the domain wants to know of the configuration.

use super::table::Config;
use rescind_domain::policy::Policy;
use rescind_domain::throttle::ThrottleOptions;
use std::net::SocketAddr;
use std::time::Duration;

impl Config {
    /// The issuer that tokens name: the configured one, else [`Config::url_of`] the address that the server is bound to
    /// (which may differ from `listen` where that asks for port 0).
    pub fn issuer_for(&self, bound: SocketAddr) -> String {
        if self.issuer.is_empty() { self.url_of(bound) } else { self.issuer.clone() }
    }

    /// The URL of a server that is bound to this address: `https://` where it has a certificate, else `http://`.
    pub fn url_of(&self, bound: SocketAddr) -> String {
        let scheme = if self.tls.files().is_some() { "https" } else { "http" };
        format!("{scheme}://{bound}")
    }

    /// How long a lock of an account lasts unless its caller says otherwise: `lock.default`, else the access-token
    /// lifetime plus a minute, so that nothing issued before the lock outlives it.
    pub fn lock_lasts(&self) -> Duration {
        if self.lock.default.is_zero() {
            self.tokens.access_lifetime + Duration::from_mins(1)
        } else {
            self.lock.default
        }
    }

    /// The deployment's policy. The issuer is that of [`Config::issuer_for`], which the configuration alone cannot know.
    pub fn policy(&self, issuer: String) -> Policy {
        Policy {
            issuer,
            sign_up: self.sign_up.enabled,
            store_addresses: self.addresses.store,
            access_lifetime: self.tokens.access_lifetime,
            foreign_lifetime: self.tokens.foreign_lifetime,
            remembered_lifetime: self.tokens.refresh_lifetime,
            session_lifetime: self.tokens.session_lifetime,
            remembered_idle: self.tokens.remembered_idle_lifetime,
            session_idle: self.tokens.idle_lifetime,
            longest_session: self.preset.longest_session(),
            longest_idle: self.preset.longest_idle(),
            refresh_grace: self.tokens.refresh_grace,
            fresh: self.authentication.fresh,
            skew: self.tokens.skew,
            session_limit: Some(self.sessions.limit).filter(|limit| *limit > 0),
            at_limit: self.sessions.at_limit,
            lock: self.lock_lasts(),
            retention: self.purge.retention,
            event_retention: self.events.retention,
            rotate_keys: Some(self.keys.rotate_every).filter(|every| !every.is_zero()),
        }
    }

    /// When failed sign-ins begin to cost a wait, and how long.
    pub fn throttle_options(&self) -> ThrottleOptions {
        ThrottleOptions {
            account_failures: self.throttle.account_failures,
            address_failures: self.throttle.address_failures,
            // More at once would wait for their hashes anyhow; and a guesser must not be lent too many.
            address_burst: self.passwords.queue.min(256),
            address_sign_ups: (self.passwords.queue / 8).min(256),
            all_sign_ups: self.passwords.queue / 2,
            max_wait: self.throttle.max_wait,
            ..ThrottleOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy_of(config: &Config) -> Policy {
        config.policy("https://id.example".to_owned())
    }

    #[test]
    fn without_an_issuer_the_bound_address_is_the_issuer() {
        let mut config = Config::default();
        let bound = SocketAddr::from(([127, 0, 0, 1], 40_123));
        assert_eq!(config.issuer_for(bound), "http://127.0.0.1:40123");
        config.tls.cert = Some("id.pem".into());
        assert_eq!(config.issuer_for(bound), "http://127.0.0.1:40123", "a certificate alone is of no use");
        config.tls.key = Some("id.key".into());
        assert_eq!(config.issuer_for(bound), "https://127.0.0.1:40123");
        config.issuer = "https://id.example".to_owned();
        assert_eq!(config.issuer_for(bound), "https://id.example");
        assert_eq!(policy_of(&config).issuer, "https://id.example");
    }

    #[test]
    fn a_lock_outlasts_every_access_token_unless_configured() {
        let mut config = Config::default();
        assert_eq!(config.lock_lasts(), Duration::from_mins(6));
        config.lock.default = Duration::from_hours(1);
        assert_eq!(policy_of(&config).lock, Duration::from_hours(1));
    }

    #[test]
    fn zero_means_none_where_the_domain_has_an_option() {
        let mut config = Config::default();
        config.keys.rotate_every = Duration::ZERO;
        let policy = policy_of(&config);
        assert_eq!((policy.session_limit, policy.rotate_keys), (None, None));
        config.sessions.limit = 3;
        config.keys.rotate_every = Duration::from_hours(1);
        let policy = policy_of(&config);
        assert_eq!((policy.session_limit, policy.rotate_keys), (Some(3), Some(Duration::from_hours(1))));
    }

    #[test]
    fn remembered_sessions_have_lifetimes_of_their_own() {
        let mut config = Config::default();
        config.tokens.refresh_lifetime = Duration::from_hours(4);
        config.tokens.session_lifetime = Duration::from_hours(3);
        config.tokens.remembered_idle_lifetime = Duration::from_hours(2);
        config.tokens.idle_lifetime = Duration::from_hours(1);
        let policy = policy_of(&config);
        let lifetimes =
            [policy.remembered_lifetime, policy.session_lifetime, policy.remembered_idle, policy.session_idle];
        assert_eq!(lifetimes, [4, 3, 2, 1].map(Duration::from_hours));
    }

    #[test]
    fn the_defaults_of_the_throttle_are_those_of_the_domain() {
        assert_eq!(Config::default().throttle_options(), ThrottleOptions::default());
    }
}
