//! Server keys.

use rescind_domain::clock::Timestamp;
use rescind_domain::key::KeyRow;
use rescind_domain::revocation::StateChange;
use rescind_domain::store::StoreError;
use rescind_wire::{Change, Scope};

use super::fixture::{
    Handle, append, end, is_corrupt, jwk, key_id, mac_key, read, revoke, shown, signing_key, store_error, try_end,
    try_write, write,
};

conformance! {
    async fn a_key_is_read_back_as_it_was_written(engine) {
        let store = engine.store();
        assert!(read(&store, |view| view.keys()).await.is_empty());
        write(&store, |tx| tx.add_mac_key(&mac_key("mac_a", 5))).await;
        add(&store, "sig_a", 6).await;
        assert_eq!(shown(&find(&store, "mac_a").await), shown(&mac_key("mac_a", 5)));
        assert_eq!(shown(&find(&store, "sig_a").await), shown(&signing_key("sig_a", 6)));
    }

    async fn a_new_key_supersedes_those_of_its_purpose_and_no_others(engine) {
        let store = engine.store();
        write(&store, |tx| tx.add_mac_key(&mac_key("mac_a", 10))).await;
        add(&store, "sig_a", 11).await;
        write(&store, |tx| tx.add_mac_key(&mac_key("mac_b", 12))).await;
        add(&store, "sig_b", 13).await;
        write(&store, |tx| tx.add_mac_key(&mac_key("mac_c", 14))).await;
        let superseded =
            [("mac_a", Some(12)), ("sig_a", Some(13)), ("mac_b", Some(14)), ("sig_b", None), ("mac_c", None)];
        for (name, at) in superseded {
            assert_eq!(find(&store, name).await.superseded_at, at.map(Timestamp), "{name}");
        }
    }

    async fn a_key_that_is_revoked_stays_so_and_says_since_which_entry(engine) {
        let store = engine.store();
        write(&store, |tx| {
            tx.add_mac_key(&mac_key("mac_a", 1))?;
            tx.add_mac_key(&mac_key("mac_b", 2))
        })
        .await;
        for _ in 0..2 {
            end(&store, |tx| revoke(tx, &Scope::Key { key: key_id("mac_a") })).await;
        }
        for (name, revoked) in [("mac_a", Some(1)), ("mac_b", None), ("mac_c", None)] {
            assert_eq!(read(&store, move |view| view.key_revoked(&key_id(name))).await, revoked);
        }
        assert_eq!(find(&store, "mac_a").await.revoked, Some(1));
        let refused = try_end(&store, |tx| revoke(tx, &Scope::Key { key: key_id("mac_c") })).await;
        let error = store_error(refused.expect_err("no such key"));
        assert!(is_corrupt(&error, "keys", "*"), "{error}");
        assert_eq!(store.position().await.expect("a position").number, 2);
    }

    async fn only_revoked_ones_of_the_keys_that_are_named_are_purged(engine) {
        let store = engine.store();
        for name in ["sig_a", "sig_b", "sig_c"] {
            add(&store, name, 1).await;
        }
        for name in ["sig_a", "sig_b"] {
            end(&store, move |tx| revoke(tx, &Scope::Key { key: key_id(name) })).await;
        }
        let named = ["sig_b", "sig_c", "sig_d"].map(key_id);
        assert_eq!(write(&store, move |tx| tx.purge_keys(&named)).await, 1);
        let left: Vec<_> = read(&store, |view| view.keys()).await.into_iter().map(|row| row.id).collect();
        assert_eq!(left, ["sig_a", "sig_c"].map(key_id));
        assert_eq!(write(&store, |tx| tx.purge_keys(&[])).await, 0);
        assert_eq!(read(&store, |view| view.log_after(0, 10)).await.len(), 5, "the log keeps its entries");
    }

    async fn the_name_of_a_key_is_used_once(engine) {
        let store = engine.store();
        write(&store, |tx| tx.add_mac_key(&mac_key("mac_a", 1))).await;
        let refused = try_write(&store, |tx| tx.add_mac_key(&mac_key("mac_a", 2))).await;
        assert_eq!(store_error(refused.expect_err("used")), StoreError::Conflict);
        assert_eq!(find(&store, "mac_a").await.superseded_at, None);
    }
}

async fn add(store: &Handle, name: &'static str, created_at: u64) {
    end(store, move |tx| {
        append(tx, Change::AddKey(jwk(name)), &StateChange::AddKey(Box::new(signing_key(name, created_at))))
    })
    .await;
}

async fn find(store: &Handle, name: &str) -> KeyRow {
    let keys = read(store, |view| view.keys()).await;
    keys.into_iter().find(|key| key.id.as_str() == name).expect("is there")
}
