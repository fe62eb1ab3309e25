//! Who may ask on `api.listen`: whoever gives the token, where there is one.

use std::{fs, path::Path};

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

/// Shorter ones can be guessed.
const SHORTEST: usize = 16;

/// A secret that is asked for, as its SHA-256: comparing that tells nothing by the time it takes.
#[derive(Clone, PartialEq)]
pub struct Token([u8; 32]);

impl Token {
    /// Reads a file of one line.
    ///
    /// # Errors
    /// If it can't be read, or holds none.
    pub fn read(path: &Path) -> Result<Self, String> {
        let failed = |problem: String| format!("{}: {problem} (setting api.token_file)", path.display());
        let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let token = text.trim();
        if token.len() < SHORTEST || token.contains(char::is_whitespace) {
            return Err(failed(format!(
                "holds no token: at least {SHORTEST} characters on one line, as of \"openssl rand -hex 16\""
            )));
        }
        Ok(Self::of(token))
    }

    fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    fn is_given(&self, authorization: &str) -> bool {
        let given = match authorization.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim().to_owned(),
            Some((scheme, pair)) if scheme.eq_ignore_ascii_case("basic") => {
                let pair = STANDARD.decode(pair.trim()).ok().and_then(|pair| String::from_utf8(pair).ok());
                pair.and_then(|pair| Some(pair.split_once(':')?.1.to_owned())).unwrap_or_default()
            }
            _ => return false,
        };
        Self::of(&given) == *self
    }
}

/// Answers only those who give the token.
pub fn guarded(router: Router, token: Token) -> Router {
    router.layer(middleware::from_fn_with_state(token, check))
}

async fn check(State(token): State<Token>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given.is_some_and(|given| token.is_given(given)) {
        return next.run(request).await;
    }
    let ask = [(header::WWW_AUTHENTICATE, "Basic realm=\"imagespam-milter: the token as password\", charset=\"UTF-8\"")];
    (StatusCode::UNAUTHORIZED, ask, "the token of api.token_file is needed\n").into_response()
}
