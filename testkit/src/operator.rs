//! An administrator's program, on the Management API.

use http::Method;
use serde_json::Value;

use crate::answer::Answer;
use crate::client::{Client, Proof};
use crate::seed;
use crate::world::World;

/// An administrator's program with a token of its own, fetched when it is first needed.
#[derive(Clone, Debug)]
pub struct Operator<'w> {
    world: &'w World,
    client: Client<'w>,
}

impl<'w> Operator<'w> {
    pub(crate) fn new(world: &'w World, proof: Proof) -> Self {
        Self { world, client: Client::new(world, seed::ADMINISTRATION, proof) }
    }

    /// Its access token for the Management API.
    pub async fn token(&self) -> String {
        let now = self.world.now();
        if let Some(token) = self.world.pockets().management_token(now) {
            return token;
        }
        let answer = self.client.asks_for_itself(&self.world.url("api/v2/")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let token = answer.member("access_token");
        let lives = answer.json()["expires_in"].as_i64().unwrap();
        self.world.pockets().keep_management_token(&token, now.plus_seconds(lives - 60));
        token
    }

    /// `GET /api/v2/{path}`.
    pub async fn gets(&self, path: &str) -> Answer {
        self.calls(Method::GET, path, None).await
    }

    /// `POST /api/v2/{path}`.
    pub async fn posts(&self, path: &str, body: &Value) -> Answer {
        self.calls(Method::POST, path, Some(body)).await
    }

    /// `PATCH /api/v2/{path}`.
    pub async fn patches(&self, path: &str, body: &Value) -> Answer {
        self.calls(Method::PATCH, path, Some(body)).await
    }

    /// `DELETE /api/v2/{path}`.
    pub async fn deletes(&self, path: &str) -> Answer {
        self.calls(Method::DELETE, path, None).await
    }

    /// Any method on `/api/v2/{path}`.
    pub async fn request(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.calls(method, path, Some(body)).await
    }

    async fn calls(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let authorization = format!("Bearer {}", self.token().await);
        let mut headers = vec![("authorization", authorization.as_str())];
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let body = body.map(ToString::to_string).unwrap_or_default();
        self.world.request(method, &format!("api/v2/{path}"), &headers, body).await
    }
}
