use std::env::var;

use axum::{Router, routing::get};
use rescind_verifier::{Verifier, web::Authorized};

async fn orders(caller: Authorized) -> String {
    format!("the orders of {}\n", caller.subject())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verifier = Verifier::builder(var("ISSUER")?)
        .audience(var("AUDIENCE")?)
        .client(var("CLIENT_ID")?, var("CLIENT_SECRET")?)
        .build()?;
    let app = Router::new().route("/orders", get(orders)).with_state(verifier);
    let listener = tokio::net::TcpListener::bind(var("LISTEN")?).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
