//! The acts of the demo, each through the door that its actor would use.

use device_protocol::guardian::resolve::Decision;
use domain::jose::Jwk;
use serde_json::{Value, json};
use url::Url;

use super::super::{now, pause};
use super::narrator::Narrator;
use super::tokens::{self, Expected};
use crate::https::{Answer, Https, below};
use crate::phone::{Consent, Device, Dialect, Kind, Push, State, read_ticket};
use crate::terminal::Failed;

const CIBA: &str = "urn:openid:params:grant-type:ciba";
const API: &str = "https://api.riverbank.example/payments";
const SCOPE: &str = "transfer:funds";
/// The push must be in the tray within so many looks of `LOOK_EVERY_MS`.
const LOOKS: u32 = 100;
const LOOK_EVERY_MS: u64 = 100;

/// The stage: where the server is, and what its card says.
pub(super) struct Story<'s, 't> {
    /// The client program that all parts speak through.
    pub(super) https: Https,
    /// The tenant.
    pub(super) issuer: Url,
    /// The development authority.
    pub(super) ca_pem: String,
    /// The card of the development server.
    pub(super) card: &'s Value,
    /// Who tells.
    pub(super) narrator: &'s mut Narrator<'t>,
}

/// What discovery says.
struct Endpoints {
    backchannel: Url,
    token: Url,
    userinfo: Url,
    jwks: Url,
}

/// The bank's own client.
struct Bank {
    client_id: String,
    client_secret: String,
}

impl Story<'_, '_> {
    /// Everything, in order.
    pub(super) async fn tell(&mut self) -> Result<(), Failed> {
        self.narrator.title("Aizuchi: a bank asks, a phone buzzes, a person decides")?;
        let endpoints = self.discover().await?;
        let administrator = self.administrator(&endpoints).await?;
        let bank = self.open_bank(&administrator).await?;
        let user_id = self.welcome_user(&administrator).await?;
        let mut phone = self.enroll_phone(&administrator, &user_id).await?;

        let id = self.start(&endpoints, &bank, &user_id, "Pay 250 EUR to Otto, 21-49").await?;
        self.poll_pending(&endpoints, &bank, &id).await?;
        let push = self.push_arrives(&phone, &[]).await?;
        self.read_and_answer(&mut phone, &push, Decision::Accepted).await?;
        let tokens = self.poll_tokens(&endpoints, &bank, &id).await?;
        self.verify(&endpoints, &bank, &user_id, &tokens).await?;

        let id = self.start(&endpoints, &bank, &user_id, "Pay 9000 EUR to Mallory, 07-33").await?;
        let second = self.push_arrives(&phone, &[&push]).await?;
        self.read_and_answer(&mut phone, &second, Decision::Rejected { reason: Some("hack") })
            .await?;
        self.poll_denied(&endpoints, &bank, &id).await
    }

    async fn discover(&mut self) -> Result<Endpoints, Failed> {
        let url = below(&self.issuer, ".well-known/openid-configuration")?;
        let document = accepted(&self.https.get(&url, &[]).await?, "read the metadata")?;
        if text(&document, "/issuer")? != self.issuer.as_str() {
            return Err(Failed::because("the metadata name another issuer"));
        }
        let endpoint = |name: &str| -> Result<Url, Failed> {
            let address = text(&document, name)?;
            Url::parse(address)
                .map_err(|error| Failed::because(format!("{address} is no address: {error}")))
        };
        let endpoints = Endpoints {
            backchannel: endpoint("/backchannel_authentication_endpoint")?,
            token: endpoint("/token_endpoint")?,
            userinfo: endpoint("/userinfo_endpoint")?,
            jwks: endpoint("/jwks_uri")?,
        };
        self.narrator.step(
            "A server starts: an empty folder, an embedded database, a certificate of its own",
            &[
                ("tenant", self.issuer.to_string()),
                ("asks at", endpoints.backchannel.to_string()),
                ("tokens at", endpoints.token.to_string()),
            ],
        )?;
        Ok(endpoints)
    }

    /// A Management token, as a deployment program gets one.
    async fn administrator(&mut self, endpoints: &Endpoints) -> Result<String, Failed> {
        let (id, secret) = (
            text(self.card, "/management/client_id")?,
            text(self.card, "/management/client_secret")?,
        );
        let audience = text(self.card, "/management/audience")?;
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", secret),
            ("audience", audience),
        ];
        let answer = self.https.post_form(&endpoints.token, &[], &fields).await?;
        let body = accepted(&answer, "give a Management token")?;
        Ok(format!("Bearer {}", text(&body, "/access_token")?))
    }

    async fn manage(
        &self,
        administrator: &str,
        path: &str,
        document: &Value,
    ) -> Result<Value, Failed> {
        let url = below(&self.issuer, &format!("api/v2/{path}"))?;
        let headers = [("authorization", administrator)];
        let answer = self.https.post_json(&url, &headers, document).await?;
        accepted(&answer, &format!("create {path}"))
    }

    /// An API and a client of the bank.
    async fn open_bank(&mut self, administrator: &str) -> Result<Bank, Failed> {
        let api = json!({
            "name": "Riverbank payments", "identifier": API, "allow_offline_access": true,
            "scopes": [{"value": SCOPE, "description": "Transfer money"}],
        });
        self.manage(administrator, "resource-servers", &api).await?;
        let client = json!({
            "name": "Riverbank", "app_type": "regular_web", "oidc_conformant": true,
            "grant_types": [CIBA, "refresh_token"],
            "token_endpoint_auth_method": "client_secret_post",
            "async_approval_notification_channels": ["guardian-push"],
        });
        let client = self.manage(administrator, "clients", &client).await?;
        let bank = Bank {
            client_id: text(&client, "/client_id")?.to_owned(),
            client_secret: text(&client, "/client_secret")?.to_owned(),
        };
        self.narrator.step(
            "Riverbank registers its client and its payments API",
            &[
                ("client", bank.client_id.clone()),
                ("API", API.to_owned()),
                ("scope", SCOPE.to_owned()),
            ],
        )?;
        Ok(bank)
    }

    async fn welcome_user(&mut self, administrator: &str) -> Result<String, Failed> {
        let password = server::outside::Entropy::system().base64url::<18>();
        let user = json!({
            "connection": "Username-Password-Authentication", "email": "alma@riverbank.example",
            "name": "Alma Rivers", "password": password,
        });
        let user = self.manage(administrator, "users", &user).await?;
        let user_id = text(&user, "/user_id")?.to_owned();
        self.narrator.step("Alma becomes a customer", &[("user", user_id.clone())])?;
        Ok(user_id)
    }

    /// A ticket for Alma; her phone reads the code on its page and enrolls with a fresh key.
    async fn enroll_phone(&mut self, administrator: &str, user_id: &str) -> Result<Device, Failed> {
        let wanted = json!({"user_id": user_id});
        let ticket = self.manage(administrator, "guardian/enrollments/ticket", &wanted).await?;
        let page_url = text(&ticket, "/ticket_url")?;
        let page_url = Url::parse(page_url)
            .map_err(|error| Failed::because(format!("{page_url} is no address: {error}")))?;
        let (_, ticket) = page_url
            .query_pairs()
            .find(|(name, _)| name == "ticket")
            .ok_or_else(|| Failed::because(format!("{page_url} names no ticket")))?;
        // What the button of the page does.
        let fields = [("ticket", ticket.as_ref())];
        let page = self.https.post_form(&page_url, &[("accept", "text/html")], &fields).await?;
        if !page.is_success() {
            return Err(Failed::because(format!("the ticket page says {}", page.complaint())));
        }
        let qr = qr_text(&String::from_utf8_lossy(&page.body))?;
        let (ticket, server) = read_ticket(&qr)?;
        let server = server.ok_or_else(|| Failed::because("the QR text names no server"))?;
        let state = State::new(server.as_str(), Some(self.ca_pem.clone()), "Alma's phone");
        let mut phone = Device::new(state, Kind::Es256, &server::outside::Entropy::system())?;
        let device_id = phone.enroll(&ticket, (Dialect::Guardian, now())).await?.id.clone();
        self.narrator.step(
            "Alma opens her ticket, presses its button, scans the code, and her phone enrolls with a key it made itself",
            &[
                ("ticket", page_url.to_string()),
                ("code", qr),
                ("phone", format!("{device_id}, {} key", phone.state().algorithm)),
            ],
        )?;
        Ok(phone)
    }

    /// `POST /bc-authorize`.
    async fn start(
        &mut self,
        endpoints: &Endpoints,
        bank: &Bank,
        user_id: &str,
        message: &str,
    ) -> Result<String, Failed> {
        let hint =
            json!({"format": "iss_sub", "iss": self.issuer.as_str(), "sub": user_id}).to_string();
        let scope = format!("openid {SCOPE}");
        let fields = [
            ("client_id", bank.client_id.as_str()),
            ("client_secret", bank.client_secret.as_str()),
            ("login_hint", hint.as_str()),
            ("scope", scope.as_str()),
            ("audience", API),
            ("binding_message", message),
        ];
        let answer = self.https.post_form(&endpoints.backchannel, &[], &fields).await?;
        let body = accepted(&answer, "take the request")?;
        let id = text(&body, "/auth_req_id")?.to_owned();
        let number = |name: &str| body.get(name).map(Value::to_string).unwrap_or_default();
        self.narrator.step(
            "The bank asks: POST /bc-authorize",
            &[
                ("message", message.to_owned()),
                ("auth_req_id", id.clone()),
                (
                    "lives",
                    format!("{} seconds, poll every {}", number("expires_in"), number("interval")),
                ),
            ],
        )?;
        Ok(id)
    }

    async fn poll(&self, endpoints: &Endpoints, bank: &Bank, id: &str) -> Result<Answer, Failed> {
        let fields = [
            ("grant_type", CIBA),
            ("client_id", bank.client_id.as_str()),
            ("client_secret", bank.client_secret.as_str()),
            ("auth_req_id", id),
        ];
        self.https.post_form(&endpoints.token, &[], &fields).await
    }

    async fn poll_pending(
        &mut self,
        endpoints: &Endpoints,
        bank: &Bank,
        id: &str,
    ) -> Result<(), Failed> {
        let answer = self.poll(endpoints, bank, id).await?;
        refused_with(&answer, "authorization_pending")?;
        let facts = [("answer", answer.complaint())];
        self.narrator.step("The bank polls: POST /oauth/token. Nobody has answered yet", &facts)
    }

    /// Waits for a push that is not among `known`.
    async fn push_arrives(&mut self, phone: &Device, known: &[&Push]) -> Result<Push, Failed> {
        for _ in 0..LOOKS {
            let pushes = phone.pushes(now()).await?;
            let is_new = |push: &&Push| known.iter().all(|old| old.consent_id != push.consent_id);
            if let Some(push) = pushes.iter().find(is_new) {
                let facts = [("from", push.asker.clone()), ("consent", push.consent_id.clone())];
                self.narrator.step("Alma's phone buzzes", &facts)?;
                return Ok(push.clone());
            }
            pause(LOOK_EVERY_MS).await;
        }
        Err(Failed::because("no push arrived in the tray; the server's log says why"))
    }

    async fn read_and_answer(
        &mut self,
        phone: &mut Device,
        push: &Push,
        decision: Decision<'_>,
    ) -> Result<(), Failed> {
        let consent: Consent = phone.consent(push, now()).await?;
        self.narrator.step(
            "The phone proves its key and reads what is asked",
            &[
                ("message", consent.message().to_owned()),
                ("for", consent.audience().to_owned()),
                ("may", consent.scopes()),
            ],
        )?;
        phone.answer(push, (decision, None), now()).await?;
        let headline = match decision {
            Decision::Accepted => "Alma says yes; the phone signs her answer",
            Decision::Rejected { .. } => {
                "That was not her: Alma says no; the phone signs her answer"
            }
        };
        let signed = format!("{} over the challenge of this request", phone.state().algorithm);
        self.narrator.step(headline, &[("signed", signed)])
    }

    async fn poll_tokens(
        &mut self,
        endpoints: &Endpoints,
        bank: &Bank,
        id: &str,
    ) -> Result<Value, Failed> {
        let tokens = accepted(&self.poll(endpoints, bank, id).await?, "give the tokens")?;
        self.narrator.step(
            "The bank polls again and gets its tokens",
            &[
                ("access", text(&tokens, "/access_token")?.to_owned()),
                ("identity", text(&tokens, "/id_token")?.to_owned()),
                ("scope", text(&tokens, "/scope")?.to_owned()),
            ],
        )?;
        let again = self.poll(endpoints, bank, id).await?;
        refused_with(&again, "invalid_grant")?;
        Ok(tokens)
    }

    /// Signatures and claims of both tokens, then `/userinfo`.
    async fn verify(
        &mut self,
        endpoints: &Endpoints,
        bank: &Bank,
        user_id: &str,
        tokens: &Value,
    ) -> Result<(), Failed> {
        let document = accepted(&self.https.get(&endpoints.jwks, &[]).await?, "publish its keys")?;
        let keys: Vec<Jwk> = tokens::keys(&document)?;
        let expected = Expected {
            issuer: self.issuer.as_str(),
            client_id: &bank.client_id,
            user_id,
            audience: API,
            scope: SCOPE,
        };
        let access_token = text(tokens, "/access_token")?;
        let identity = tokens::id_token(text(tokens, "/id_token")?, &keys, &expected, now())?;
        let access = tokens::access_token(access_token, &keys, &expected, now())?;
        let bearer = format!("Bearer {access_token}");
        let headers = [("authorization", bearer.as_str())];
        let person =
            accepted(&self.https.get(&endpoints.userinfo, &headers).await?, "say who it is")?;
        if text(&person, "/sub")? != user_id {
            return Err(Failed::because("/userinfo names another user"));
        }
        self.narrator.step(
            "The bank verifies them against the published keys, and asks /userinfo who it was",
            &[
                ("identity", format!("{}, for {}", identity.signed, text(&person, "/sub")?)),
                (
                    "access",
                    format!(
                        "{}, scope {}",
                        access.signed,
                        access.claims.text("scope").unwrap_or_default()
                    ),
                ),
            ],
        )
    }

    async fn poll_denied(
        &mut self,
        endpoints: &Endpoints,
        bank: &Bank,
        id: &str,
    ) -> Result<(), Failed> {
        let answer = self.poll(endpoints, bank, id).await?;
        refused_with(&answer, "access_denied")?;
        self.narrator.step("The bank polls and hears no", &[("answer", answer.complaint())])
    }
}

/// The JSON of a successful answer.
fn accepted(answer: &Answer, what: &str) -> Result<Value, Failed> {
    if answer.is_success() {
        Ok(answer.json())
    } else {
        Err(Failed::because(format!("the server did not {what}: {}", answer.complaint())))
    }
}

/// The answer must be this refusal.
fn refused_with(answer: &Answer, error: &str) -> Result<(), Failed> {
    if answer.json().get("error").and_then(Value::as_str) == Some(error) {
        Ok(())
    } else {
        Err(Failed::because(format!("expected {error}, got {}", answer.complaint())))
    }
}

/// A text member that must be there.
fn text<'v>(document: &'v Value, pointer: &str) -> Result<&'v str, Failed> {
    document
        .pointer(pointer)
        .and_then(Value::as_str)
        .ok_or_else(|| Failed::because(format!("the server's answer has no text at {pointer}")))
}

/// The `otpauth://` text on the ticket page, which the QR code there carries, too.
fn qr_text(page: &str) -> Result<String, Failed> {
    let (_, rest) = page
        .split_once("otpauth://")
        .ok_or_else(|| Failed::because("the ticket page shows no otpauth text"))?;
    let end = rest.find(['"', '\'', '<', ' ', '\n']).unwrap_or(rest.len());
    let text = rest.split_at_checked(end).map_or(rest, |(text, _)| text);
    let text = text.replace("&amp;", "&").replace("&#38;", "&").replace("&#x26;", "&");
    Ok(format!("otpauth://{text}"))
}

#[cfg(test)]
mod tests {
    use super::qr_text;

    #[test]
    fn the_code_is_read_from_the_page_as_a_person_would_copy_it() {
        let page = r#"<p>or <a href="otpauth://totp/A:b?enrollment_tx_id=X&amp;issuer=A">open</a>"#;
        assert_eq!(qr_text(page).unwrap(), "otpauth://totp/A:b?enrollment_tx_id=X&issuer=A");
        assert!(qr_text("<html></html>").is_err());
    }
}
