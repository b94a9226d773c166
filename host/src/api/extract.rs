//! What handlers take from a request. What can't be understood is answered with problem details.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use super::{App, guard};
use crate::access::{Caller, Scope};

/// The segments of the path, decoded.
pub struct Segments<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(segments)| Segments(segments)).map_err(|rejection| Problem::bad_request(rejection.body_text()))
    }
}

/// The parameters of the query.
pub struct Parameters<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::from_request_parts(parts, state).await;
        query.map(|Query(query)| Parameters(query)).map_err(|rejection| Problem::bad_request(rejection.body_text()))
    }
}

/// Who asks, by the name of the token; empty where none is needed.
pub struct Author(pub String);

impl<S: Sync> FromRequestParts<S> for Author {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Author(parts.extensions.get::<Caller>().map_or_else(String::new, |Caller(name)| name.clone())))
    }
}

/// Whether who asks may deploy functions, too: what foreign systems sent is shown to nobody else.
pub struct MayDeploy(pub bool);

impl FromRequestParts<App> for MayDeploy {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(MayDeploy(guard::opens(app, &parts.headers, Scope::Deploy)))
    }
}

/// The sender's address.
pub struct Source(pub IpAddr);

impl<S: Sync> FromRequestParts<S> for Source {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Source(peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |ConnectInfo(peer)| peer.ip().to_canonical())))
    }
}
