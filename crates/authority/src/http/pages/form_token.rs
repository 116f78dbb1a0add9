//! What a form of ours carries so that no other site's form passes for it (ASVS 5.0 §3.5.1): a MAC over whose form it is,
//! under a mask that is new each time, so that compressed answers tell nothing of it.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use rescind_domain::entropy::Entropy;
use rescind_wire::SessionId;

const LENGTH: usize = 16;

/// Whom a form was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner<'a> {
    /// Whoever is signed in with this session: a token dies with it.
    Session(SessionId),
    /// A browser in which nobody is signed in, by the cookie that it was given.
    Browser(&'a str),
}

/// Makes and checks the tokens of forms.
pub(crate) struct FormTokens(hmac::Key);

impl FormTokens {
    /// With a key derived from `root`, so that a restart leaves forms good.
    pub(crate) fn new(root: &[u8]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, root);
        Self(hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, b"rescind form tokens v1").as_ref()))
    }

    /// A token for the forms of `owner`.
    pub(crate) fn make(&self, owner: Owner<'_>, entropy: &dyn Entropy) -> String {
        let mask: [u8; LENGTH] = entropy.bytes();
        let mut bytes = [0; 2 * LENGTH];
        bytes[..LENGTH].copy_from_slice(&mask);
        for (at, byte) in self.mac(owner).iter().enumerate() {
            bytes[LENGTH + at] = byte ^ mask[at];
        }
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// Whether `token` was made for `owner`.
    pub(crate) fn check(&self, token: &str, owner: Owner<'_>) -> bool {
        let Some(bytes) = BASE64URL_NOPAD.decode(token.as_bytes()).ok().filter(|bytes| bytes.len() == 2 * LENGTH)
        else {
            return false;
        };
        let (mask, masked) = bytes.split_at(LENGTH);
        let mac: Vec<u8> = mask.iter().zip(masked).map(|(mask, byte)| mask ^ byte).collect();
        verify_slices_are_equal(&mac, &self.mac(owner)).is_ok()
    }

    fn mac(&self, owner: Owner<'_>) -> [u8; LENGTH] {
        let mut context = hmac::Context::with_key(&self.0);
        match owner {
            Owner::Session(session) => {
                context.update(b"session ");
                context.update(session.as_bytes());
            }
            Owner::Browser(cookie) => {
                context.update(b"browser ");
                context.update(cookie.as_bytes());
            }
        }
        let mut mac = [0; LENGTH];
        mac.copy_from_slice(&context.sign().as_ref()[..LENGTH]);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::SystemEntropy;

    #[test]
    fn a_token_is_good_for_its_owner_alone_and_never_looks_the_same_twice() {
        let (tokens, other_root) = (FormTokens::new(b"root"), FormTokens::new(b"other"));
        let (ann, bob) = (SessionId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
        let text = ann.to_string();
        let owners = [Owner::Session(ann), Owner::Session(bob), Owner::Browser("x"), Owner::Browser(&text)];
        for owner in owners {
            let token = tokens.make(owner, &SystemEntropy);
            assert_ne!(token, tokens.make(owner, &SystemEntropy));
            for other in owners {
                assert_eq!(tokens.check(&token, other), owner == other, "{owner:?} {other:?}");
            }
            assert!(!other_root.check(&token, owner));
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let tokens = FormTokens::new(b"root");
        for bad in ["", "x", "!", &"A".repeat(43), &"A".repeat(44), &"A".repeat(4000)] {
            assert!(!tokens.check(bad, Owner::Browser("x")), "{bad}");
        }
    }
}
