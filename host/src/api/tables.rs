//! Lookup tables: deployed here, or from the folders of this instance.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::extract::Segments;
use super::hal::{self, Hal, Links};
use super::problem::{Problem, Result};
use super::{App, body};
use crate::access::hex;
use crate::clock;
use crate::store::functions::TableRow;
use crate::transform::compile::check_name;
use crate::transform::tables::{COUNT, FILE, Format, Layer};

/// The routes under `/api/tables`.
pub fn routes() -> Router<App> {
    Router::new().route("/tables", get(list)).route("/tables/{table}", get(one).put(put).delete(delete))
}

async fn list(State(app): State<App>) -> Hal {
    let tables = all(&app).into_values().collect();
    let links = Links::to_self(hal::TABLES).and("functions", hal::FUNCTIONS);
    Hal(hal::collection(links.template("table", format!("{}/{{table}}", hal::TABLES)), "tables", tables))
}

/// All tables by name; one of the store hides one from a folder.
fn all(app: &App) -> BTreeMap<String, Value> {
    let folder = app.registry.tables().list(Layer::Folder).into_iter().map(|(name, rows)| {
        let members = json!({"name": name, "rows": rows, "source": "folder"});
        (name.clone(), hal::resource(Links::to_self(address(&name)), members))
    });
    let registered = app.registry.registered();
    let stored = registered.tables.values().map(|row| (row.name.clone(), resource(row)));
    folder.chain(stored).collect()
}

fn address(name: &str) -> String {
    format!("{}/{}", hal::TABLES, hal::encode(name))
}

fn resource(row: &TableRow) -> Value {
    let members = json!({
        "name": row.name,
        "format": row.format,
        "rows": row.rows,
        "size": row.size,
        "sha256": hex(&row.sha256),
        "source": "store",
        "changed_at": row.changed_at,
    });
    hal::resource(Links::to_self(address(&row.name)), members)
}

/// The table's resource, or its content where that is asked for by its type.
async fn one(State(app): State<App>, Segments(name): Segments<String>, headers: HeaderMap) -> Result<Response> {
    let missing = || Problem::not_found(format!("there is no table {name:?}"));
    let registered = app.registry.registered();
    if let Some(row) = registered.tables.get(&name) {
        let kind = if row.format == "json" { "application/json" } else { "text/csv" };
        let wanted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        if wanted.split(',').any(|one| one.split(';').next().unwrap_or_default().trim() == kind) {
            let content = app.store.table(&name).await?.ok_or_else(missing)?;
            return Ok(([(header::CONTENT_TYPE, kind)], content).into_response());
        }
    }
    Ok(Hal(all(&app).remove(&name).ok_or_else(missing)?).into_response())
}

/// Makes or replaces a table. Functions see its rows at once here, and within two seconds on other instances.
async fn put(
    State(app): State<App>,
    Segments(name): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let unprocessable = |detail: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no table", detail);
    check_name(&name).map_err(|_| unprocessable(format!("{name:?} is no name of a table: use a-z, 0-9, - and _")))?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let format = match kind.split(';').next().unwrap_or_default().trim() {
        "text/csv" => Format::Csv,
        "application/json" => Format::Json,
        other => {
            let detail = format!("Content-Type is {other:?}; use text/csv or application/json");
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong content type", detail));
        }
    };
    let registered = app.registry.registered();
    if !registered.tables.contains_key(&name) && registered.tables.len() >= COUNT {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "too many tables",
            format!("there are {COUNT}; delete one first"),
        ));
    }
    let (content, _room) = body::read(&app, &headers, body, FILE as usize).await?;
    let checked = content.clone();
    let table = tokio::task::spawn_blocking(move || format.parse(&checked));
    let table = table.await.map_err(|_| Problem::busy("the table could not be read"))?;
    let table = table.map_err(|error| unprocessable(error.to_string()))?;
    let row = TableRow {
        name: name.clone(),
        format: format.as_str().to_owned(),
        rows: table.len() as u32,
        size: content.len() as u64,
        sha256: Sha256::digest(&content).into(),
        changed_at: clock::now(),
    };
    let status = if registered.tables.contains_key(&name) { StatusCode::OK } else { StatusCode::CREATED };
    app.store.put_table(&row, &content).await?;
    app.registry.refresh().await?;
    // Content that is the same has changed nothing, and is still of the time when it was put there.
    let registered = app.registry.registered();
    Ok((status, Hal(resource(registered.tables.get(&name).unwrap_or(&row)))).into_response())
}

async fn delete(State(app): State<App>, Segments(name): Segments<String>) -> Result<StatusCode> {
    if !app.store.delete_table(&name).await? {
        return Err(Problem::not_found(format!("no table {name:?} was deployed")));
    }
    app.registry.refresh().await?;
    Ok(StatusCode::NO_CONTENT)
}
