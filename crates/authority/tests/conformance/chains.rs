//! Refresh chains.

use rescind_domain::chain::{Chain, KEPT_ROTATIONS};
use rescind_domain::clock::Timestamp;
use rescind_domain::key::MacKeyId;
use rescind_domain::store::StoreError;
use rescind_wire::Epoch;

use super::fixture::{
    Handle, advance, at, chain, end, epoch, is_corrupt, read, session_id, shown, store_error, try_write, user_id, write,
};

conformance! {
    async fn a_chain_is_read_back_as_it_was_written(engine) {
        let store = engine.store();
        advance(&store, 2).await;
        let chains = [
            chain(1, 1, 1, "app"),
            Chain {
                position: at(2),
                counter: 1 << 40,
                scope: String::new(),
                audiences: vec![],
                ..chain(1, 1, 2, "web")
            },
            Chain { rotations: vec![Timestamp(9)], salt: [0xff; 16], ..chain(1, 1, u16::MAX, "app") },
            Chain { rotations: (0..16).map(|n| Timestamp(1_000 - n)).collect(), ..chain(1, 2, 1, "app") },
        ];
        for chain in chains {
            let written = chain.clone();
            write(&store, move |tx| tx.insert_chain(&written)).await;
            assert_eq!(shown(&find(&store, &chain).await), shown(&Some(chain)));
        }
    }

    async fn the_chains_of_a_session_come_in_order_and_no_others_with_them(engine) {
        let store = engine.store();
        write(&store, |tx| {
            for (user, session, index) in [(1, 1, 3), (1, 1, 1), (1, 1, 2), (1, 2, 1), (2, 1, 1)] {
                tx.insert_chain(&chain(user, session, index, "app"))?;
            }
            Ok(())
        })
        .await;
        let found = read(&store, |view| view.chains(&user_id(1), &session_id(1))).await;
        assert_eq!(found.iter().map(|chain| chain.key.index).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(read(&store, |view| view.chains(&user_id(2), &session_id(2))).await.is_empty());
        assert!(find(&store, &chain(1, 1, 4, "app")).await.is_none());
    }

    async fn rotating_writes_counter_times_epoch_and_key_and_nothing_else(engine) {
        let store = engine.store();
        let second = Epoch::from_bytes([2; 10]);
        write(&store, |tx| (1..=2).try_for_each(|index| tx.insert_chain(&chain(1, 1, index, "app")))).await;
        end(&store, move |tx| tx.begin_epoch(second, Timestamp(1))).await;
        let mut expected = chain(1, 1, 1, "app");
        for n in 0..40 {
            let (to, key) = if n < 20 { (epoch(), [5; 8]) } else { (second, [6; 8]) };
            expected.rotate(n, Timestamp(1_000 + n), to, MacKeyId(key));
            // What else the caller holds may be out of date; it is not written.
            let written = Chain { scope: "other".into(), salt: [1; 16], ..expected.clone() };
            write(&store, move |tx| tx.rotate_chain(&written)).await;
            assert_eq!(shown(&find(&store, &expected).await), shown(&Some(expected.clone())));
        }
        assert_eq!(expected.rotations.len(), KEPT_ROTATIONS);
        let untouched = chain(1, 1, 2, "app");
        assert_eq!(shown(&find(&store, &untouched).await), shown(&Some(untouched)));
    }

    async fn rotating_a_chain_that_is_not_there_is_an_error_and_no_silent_success(engine) {
        let store = engine.store();
        let refused = try_write(&store, |tx| tx.rotate_chain(&chain(1, 1, 1, "app"))).await;
        let error = store_error(refused.expect_err("nothing to rotate"));
        assert!(is_corrupt(&error, "chains", "*"), "{error}");
    }

    async fn the_index_of_a_chain_is_used_once_within_its_session(engine) {
        let store = engine.store();
        write(&store, |tx| tx.insert_chain(&chain(1, 1, 1, "app"))).await;
        let refused = try_write(&store, |tx| tx.insert_chain(&chain(1, 1, 1, "web"))).await;
        assert_eq!(store_error(refused.expect_err("used")), StoreError::Conflict);
    }
}

async fn find(store: &Handle, chain: &Chain) -> Option<Chain> {
    let key = chain.key;
    read(store, move |view| view.chain(&key)).await
}
