//! Pages of lists: `limit` and an opaque `after`.

use std::borrow::Cow;

use data_encoding::BASE64URL_NOPAD;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Most things on one page.
const MOST: u32 = 100;
/// Things on a page unless its reader says otherwise.
const USUAL: u32 = 50;

/// How many things a page may have: 1 to 100, usually 50.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) u32);

impl Default for Limit {
    fn default() -> Self {
        Self(USUAL)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
        limit.map(Self).ok_or_else(|| D::Error::custom(format!("1 to {MOST}")))
    }
}

impl PartialSchema for Limit {
    fn schema() -> RefOr<Schema> {
        let schema = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(MOST))
            .default(Some(USUAL.into()));
        RefOr::T(schema.build().into())
    }
}

impl ToSchema for Limit {}

/// Where a list goes on: the `next` of the page before, passed back unchanged. What is inside is not promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor<C>(pub(crate) C);

impl<C: Serialize> Cursor<C> {
    /// As it is handed out.
    pub(crate) fn text(&self) -> String {
        BASE64URL_NOPAD.encode(&serde_json::to_vec(&self.0).unwrap_or_default())
    }
}

impl<'de, C: DeserializeOwned> Deserialize<'de> for Cursor<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok();
        let inside = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        inside.map(Self).ok_or_else(|| D::Error::custom("the `next` of another page of this list"))
    }
}

/// A page of a list that is in memory as a whole: those after `after` in the order of their places, and the `next`.
pub(crate) fn page_of<T, C, P>(
    mut all: Vec<T>,
    place: P,
    after: Option<&Cursor<C>>,
    Limit(limit): Limit,
) -> (Vec<T>, Option<String>)
where
    C: Ord + Serialize,
    P: Fn(&T) -> C,
{
    all.sort_by_cached_key(&place);
    all.retain(|one| after.is_none_or(|Cursor(after)| place(one) > *after));
    let more = all.len() > limit as usize;
    all.truncate(limit as usize);
    let next = all.last().filter(|_| more).map(|last| Cursor(place(last)).text());
    (all, next)
}

impl<C> PartialSchema for Cursor<C> {
    fn schema() -> RefOr<Schema> {
        RefOr::T(ObjectBuilder::new().schema_type(Type::String).build().into())
    }
}

impl<C> ToSchema for Cursor<C> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_what_it_wrote_and_nothing_else() {
        let cursor = Cursor((7_u64, "ann".to_owned()));
        let read = |text: &str| serde_json::from_value::<Cursor<(u64, String)>>(text.into());
        assert_eq!(read(&cursor.text()).unwrap(), cursor);
        for bad in ["", "x", "AAAA", &Cursor("other").text()] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn pages_of_a_list_are_all_of_it_in_order_also_when_something_goes_meanwhile() {
        let page = |all: &[u8], after: Option<Cursor<u8>>, limit| {
            page_of(all.to_vec(), |one| *one, after.as_ref(), Limit(limit))
        };
        let (first, next) = page(&[3, 1, 2, 5, 4], None, 2);
        assert_eq!((first, &next), (vec![1, 2], &Some(Cursor(2).text())));
        let (second, next) = page(&[3, 1, 5, 4], Some(Cursor(2)), 2);
        assert_eq!((second, next), (vec![3, 4], Some(Cursor(4).text())));
        assert_eq!(page(&[3, 1, 5, 4], Some(Cursor(4)), 1), (vec![5], None));
        assert_eq!(page(&[1], Some(Cursor(5)), 1), (vec![], None));
    }

    #[test]
    fn a_limit_is_one_to_a_hundred() {
        let read = |limit: &str| serde_json::from_value::<Limit>(limit.into()).is_ok();
        assert!(read("1") && read("100") && !read("0") && !read("101") && !read("-1") && !read("x"));
        assert_eq!(Limit::default(), Limit(50));
    }
}
