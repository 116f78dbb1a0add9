//! Setting up: the first administrator, made with the one-time link that the server printed as it started.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use rescind_domain::Error;
use rescind_domain::password::Password;
use rescind_domain::secret::Secret;
use rescind_domain::verbs::set_up;
use rescind_domain::verbs::sign_up::NewUser;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::user::OneUser;
use crate::http::app::App;
use crate::http::body;
use crate::http::caller::Device;
use crate::http::form::{Form, FormBody};
use crate::http::html;
use crate::http::problem::{Document, Problem, kinds};
use crate::http::query::Query;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(set_up)).routes(routes!(page, submit))
}

/// What makes the first administrator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetUp {
    /// The token of the link that the server printed.
    #[schema(format = Password)]
    token: String,
    /// The login name.
    #[schema(min_length = 1)]
    login: String,
    /// The password: 8 characters at least.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 1024)]
    password: Password,
}

/// Make the first administrator.
#[utoipa::path(
    post, path = "/v1/setup", tag = "Accounts", operation_id = "setUp", request_body = SetUp,
    responses((status = 201, description = "The administrator", body = OneUser)),
)]
async fn set_up(
    State(app): State<App>,
    device: Device,
    body::Json(request): body::Json<SetUp>,
) -> Result<(StatusCode, Json<OneUser>), Problem> {
    let user = run(&app, device, request).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

async fn run(app: &App, device: Device, request: SetUp) -> Result<NewUser, Problem> {
    let token = Secret::new(request.token);
    let world = &app.authority.world;
    let made = set_up::set_up(world, token, &request.login, request.password, device.address).await;
    made.map_err(|error| match error {
        Error::Forbidden => Problem::new(kinds::SET_UP_REFUSED),
        other => other.into(),
    })
}

/// The link.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Link {
    /// The token of the link that the server printed.
    token: Option<String>,
}

/// The set-up page.
#[utoipa::path(
    get, path = "/setup", tag = "Pages", operation_id = "setUpPage", params(Link),
    responses((status = 200, description = "A form", body = String, content_type = "text/html")),
)]
async fn page(Query(link): Query<Link>) -> Response {
    form_page(StatusCode::OK, link.token.as_deref().unwrap_or_default(), "", None)
}

/// Submit the set-up page.
#[utoipa::path(
    post, path = "/setup", tag = "Pages", operation_id = "submitSetUpPage",
    request_body(content = SetUp, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Done", body = String, content_type = "text/html"),
        (status = 400, description = "The form again, with what is wrong",
            content((String = "text/html"), (Document = "application/problem+json"))),
        (status = 403, description = "The link is refused", body = String, content_type = "text/html"),
        (status = 409, description = "The login name is taken", body = String, content_type = "text/html"),
    ),
)]
async fn submit(State(app): State<App>, device: Device, FormBody(bytes): FormBody) -> Result<Response, Problem> {
    let mut form = Form::parse(&bytes, &[])?;
    let mut field = |name| form.take(name).unwrap_or_default();
    let (token, login, password) = (field("token"), field("login"), field("password"));
    let password = match Password::new(password) {
        Ok(password) => password,
        Err(weak) => {
            let problem = Problem::new(kinds::WEAK_PASSWORD).detail(weak.to_string());
            return Ok(form_page(kinds::WEAK_PASSWORD.status, &token, &login, Some(&problem)));
        }
    };
    let request = SetUp { token: token.clone(), login: login.clone(), password };
    match run(&app, device, request).await {
        Ok(user) => Ok(done_page(&user.login)),
        Err(problem) if problem.kind().status.is_client_error() => {
            Ok(form_page(problem.kind().status, &token, &login, Some(&problem)))
        }
        Err(problem) => Err(problem),
    }
}

/// The form, filled in as far as it was, with what was wrong.
fn form_page(status: StatusCode, token: &str, login: &str, problem: Option<&Problem>) -> Response {
    let (token, login) = (html::escape(token), html::escape(login));
    let problem = problem.map_or_else(String::new, |problem| {
        format!("<p class=\"problem\" role=\"alert\">{}</p>", html::escape(problem.text()))
    });
    let body = format!(
        "<h1>Set up Rescind</h1>\n<p>Make the first administrator. The link is good once.</p>\n{problem}\n\
         <form method=\"post\" action=\"/setup\">\n\
         <input type=\"hidden\" name=\"token\" value=\"{token}\">\n\
         <label>Login name <input name=\"login\" value=\"{login}\" required autocomplete=\"username\" autofocus></label>\n\
         <label>Password, 8 characters at least <input type=\"password\" name=\"password\" required minlength=\"8\" \
         autocomplete=\"new-password\"></label>\n\
         <button>Make the administrator</button>\n</form>"
    );
    answer(status, &body)
}

fn done_page(login: &str) -> Response {
    let login = html::escape(login);
    let text = format!("<h1>Done</h1>\n<p>{login} is an administrator, and can sign in.</p>");
    answer(StatusCode::OK, &text)
}

fn answer(status: StatusCode, body: &str) -> Response {
    let page = html::page("Set up Rescind", body);
    let policy = html::policy("form-action 'self'");
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8".to_owned()), (CONTENT_SECURITY_POLICY, policy)];
    (status, headers, page).into_response()
}
