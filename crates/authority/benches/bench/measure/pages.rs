//! What the server does for a page: with a cookie that was presented before, each beside a bare handler that answers the
//! same bytes.

use std::sync::Arc;

use rescind_domain::client::{Client, PAGES_CLIENT};

use super::bearer::{Question, compare};
use crate::Outcome;
use crate::effort::Effort;
use crate::place::{Place, transact, without_hashing};
use crate::population::{Size, fill_for};
use crate::process::Server;
use crate::report::Report;

/// Sessions of three devices each.
const SIZE: Size = Size { people: 2_000, each: 3 };

const COOKIE: &str = "cookie: rescind_dev=";

const PAGES: [Question; 3] = [
    Question { what: "GET /account, three devices each", path: "/account", credential: COOKIE, status: 200, aim: 0.5 },
    Question { what: "GET /account/security", path: "/account/security", credential: COOKIE, status: 200, aim: 0.5 },
    Question {
        what: "GET /sign-in, by whoever is not signed in",
        path: "/sign-in",
        credential: "cookie: other=",
        status: 200,
        aim: 0.5,
    },
];

/// Measures.
pub(crate) async fn measure(effort: &Effort, report: &mut Report) -> Outcome<()> {
    let place = Place::new()?;
    let cookies: Vec<String> = {
        let authority = place.open().await?;
        let world = without_hashing(&authority);
        // As the first sign-in on the pages makes it.
        let pages = Client::own(PAGES_CLIENT, world.now(), 0);
        let client = pages.id.clone();
        transact(&world, move |tx| Ok(tx.insert_client(&pages)?)).await?;
        let population = fill_for(&world, SIZE, 22, "no hash", client).await?;
        population.sessions.iter().map(|held| population.mint.refresh_token(held)).collect()
    };
    let cookies: Arc<[String]> = cookies.into();
    let server = Server::rescind(place.path()).await?;
    for page in PAGES {
        report.add(compare(effort, page, &server, &cookies).await?);
    }
    server.stop().await
}
