//! The reference page: made on the server from the description of the API, without script and without anything fetched.

use std::fmt::Write as _;

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::html::{self, escape};
use super::problem::{Problem, kinds};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(reference)).routes(routes!(problem))
}

/// The reference.
#[utoipa::path(
    get, path = "/docs", tag = "Pages", operation_id = "reference",
    responses((status = 200, description = "A page for people", body = String, content_type = "text/html")),
)]
async fn reference(State(app): State<App>) -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8".to_owned()), (CONTENT_SECURITY_POLICY, html::policy(""))];
    (headers, app.published.page())
}

/// What a problem means.
///
/// The `type` of a problem document leads here, and from here to its line of the reference.
#[utoipa::path(
    get, path = "/problems/{slug}", tag = "Pages", operation_id = "explainProblem",
    params(("slug" = String, Path, description = "The last part of the `type`")),
    responses((status = 303, description = "To the reference")),
)]
async fn problem(Path(slug): Path<String>) -> Response {
    match kinds::ALL.iter().find(|kind| kind.slug == slug) {
        Some(kind) => Redirect::to(&format!("/docs#problem-{}", kind.slug)).into_response(),
        None => Problem::not_found("problem").into_response(),
    }
}

/// Writes the page.
pub(crate) fn write(document: &Value) -> String {
    let mut page = Page::default();
    let info = &document["info"];
    page.line(&format!("<h1>{} {}</h1>", text(&info["title"]), text(&info["version"])));
    page.line(&format!("<p>{}</p>", prose(&info["description"])));
    page.line("<p>For programs: <a href=\"/openapi.json\">openapi.json</a> (OpenAPI 3.1).</p>");
    let groups: Vec<(&Value, Vec<Entry<'_>>)> =
        list(&document["tags"]).map(|tag| (&tag["name"], entries(document, &tag["name"]))).collect();
    page.contents(&groups);
    for (name, entries) in &groups {
        page.line(&format!("<h2>{}</h2>", text(name)));
        for entry in entries {
            page.operation(entry);
        }
    }
    page.problems();
    page.line("<h2>Shapes</h2>");
    for (name, schema) in members(&document["components"]["schemas"]) {
        page.shape(name, schema);
    }
    html::page("Rescind: the API", &page.html)
}

/// One operation.
struct Entry<'a> {
    method: &'a str,
    path: &'a str,
    operation: &'a Value,
}

fn entries<'a>(document: &'a Value, tag: &Value) -> Vec<Entry<'a>> {
    let paths = members(&document["paths"]);
    let all = paths.flat_map(|(path, item)| members(item).map(move |(method, operation)| (path, method, operation)));
    let own = all.filter(|(_, _, operation)| list(&operation["tags"]).any(|name| name == tag));
    own.map(|(path, method, operation)| Entry { method, path, operation }).collect()
}

/// A page being written.
#[derive(Default)]
struct Page {
    html: String,
}

impl Page {
    fn line(&mut self, html: &str) {
        self.html.push_str(html);
        self.html.push('\n');
    }

    fn contents(&mut self, groups: &[(&Value, Vec<Entry<'_>>)]) {
        self.line("<nav aria-label=\"Contents\">\n<ul>");
        for entry in groups.iter().flat_map(|(_, entries)| entries) {
            let (id, summary) = (text(&entry.operation["operationId"]), text(&entry.operation["summary"]));
            self.line(&format!("<li><a href=\"#{id}\">{summary}</a></li>"));
        }
        self.line("</ul>\n</nav>");
    }

    fn operation(&mut self, entry: &Entry<'_>) {
        let operation = entry.operation;
        let (id, summary) = (text(&operation["operationId"]), text(&operation["summary"]));
        let (method, path) = (escape(&entry.method.to_uppercase()), escape(entry.path));
        self.line(&format!("<h3 id=\"{id}\">{summary}</h3>"));
        self.line(&format!("<p><code><span class=\"method\">{method}</span> {path}</code></p>"));
        if operation["description"].is_string() {
            self.line(&format!("<p>{}</p>", prose(&operation["description"])));
        }
        if operation["security"].is_array() {
            let needs = list(&operation["security"]).flat_map(members).map(|(name, _)| name);
            let needs: Vec<String> = needs.map(|name| format!("<code>{}</code>", escape(name))).collect();
            self.line(&format!("<p>Authentication: {}</p>", needs.join(", ")));
        }
        self.parameters(&operation["parameters"]);
        for (media, content) in members(&operation["requestBody"]["content"]) {
            self.line(&format!("<p>Body: {} ({})</p>", kind(&content["schema"]), escape(media)));
        }
        self.line("<table>\n<tr><th>Answer</th><th>Means</th><th>Body</th></tr>");
        for (status, response) in members(&operation["responses"]) {
            let bodies = members(&response["content"]).map(|(_, content)| kind(&content["schema"]));
            let bodies = bodies.collect::<Vec<_>>().join(", ");
            let means = prose(&response["description"]);
            self.line(&format!("<tr><td>{}</td><td>{means}</td><td>{bodies}</td></tr>", escape(status)));
        }
        self.line("</table>");
    }

    fn parameters(&mut self, parameters: &Value) {
        if list(parameters).next().is_none() {
            return;
        }
        self.line("<table>\n<tr><th>Parameter</th><th>In</th><th>Is</th><th>Means</th></tr>");
        for parameter in list(parameters) {
            let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
            let (is, means) = (kind(&parameter["schema"]), prose(&parameter["description"]));
            self.line(&format!("<tr><td><code>{name}</code></td><td>{place}</td><td>{is}</td><td>{means}</td></tr>"));
        }
        self.line("</table>");
    }

    fn problems(&mut self) {
        self.line("<h2>Problems</h2>\n<table>\n<tr><th>Type</th><th>Status</th><th>Means</th><th>What to do</th></tr>");
        for kind in kinds::ALL {
            let (slug, status) = (kind.slug, kind.status.as_u16());
            let (title, advice) = (escape(kind.title), prose(&Value::from(kind.advice)));
            self.line(&format!(
                "<tr id=\"problem-{slug}\"><td><code>{slug}</code></td><td>{status}</td><td>{title}</td><td>{advice}</td></tr>"
            ));
        }
        self.line("</table>");
    }

    fn shape(&mut self, name: &str, schema: &Value) {
        let name = escape(name);
        self.line(&format!("<h3 id=\"shape-{name}\">{name}</h3>"));
        if schema["description"].is_string() {
            self.line(&format!("<p>{}</p>", prose(&schema["description"])));
        }
        if !schema["properties"].is_object() {
            self.line(&format!("<p>{}</p>", kind(schema)));
            return;
        }
        self.line("<table>\n<tr><th>Member</th><th>Is</th><th>Means</th></tr>");
        for (member, of) in members(&schema["properties"]) {
            let needed = list(&schema["required"]).any(|name| name == member);
            let optional = if needed { "" } else { ", optional" };
            let (member, is, means) = (escape(member), kind(of), prose(&of["description"]));
            self.line(&format!("<tr><td><code>{member}</code></td><td>{is}{optional}</td><td>{means}</td></tr>"));
        }
        self.line("</table>");
    }
}

/// What a schema describes, in a few words.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escape(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#shape-{name}\">{name}</a>");
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        if schema[several].is_array() {
            return list(&schema[several]).map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    if schema["enum"].is_array() {
        let values = list(&schema["enum"]).map(|value| format!("<code>{}</code>", escape(&value.to_string())));
        return values.collect::<Vec<_>>().join(", ");
    }
    let mut words = match &schema["type"] {
        Value::String(one) => escape(one),
        Value::Array(several) => several.iter().map(text).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    };
    if schema["items"].is_object() {
        let _ = write!(words, " of {}", kind(&schema["items"]));
    } else if schema["properties"].is_object() {
        let names =
            members(&schema["properties"]).map(|(name, of)| format!("<code>{}</code> {}", escape(name), kind(of)));
        let _ = write!(words, " with {}", names.collect::<Vec<_>>().join(", "));
    }
    words
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

/// Text in which backticks mark code.
fn prose(value: &Value) -> String {
    let mut html = String::new();
    for (at, part) in value.as_str().unwrap_or_default().split('`').enumerate() {
        let part = escape(part);
        if at % 2 == 1 {
            let _ = write!(html, "<code>{part}</code>");
        } else {
            html.push_str(&part);
        }
    }
    html
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}
