//! `policy.rules`: a list of tables, each with conditions and an action.

use ::config::{Value, ValueKind};
use url::Host;

use super::{
    reader::{Reader, show, string},
    types::{Action, QrCondition, Threshold},
};

/// One of `policy.rules`: fits if all its conditions do, and has at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// A class of the model, and the least score of it that fits.
    pub score: Option<(String, Threshold)>,
    /// What a code in a picture must hold.
    pub qr: Option<QrCondition>,
    /// What happens then.
    pub action: Action,
}

/// Reads `policy.rules`. `None` means that an error was noted.
pub fn read(r: &mut Reader) -> Option<Vec<Rule>> {
    let value = r.take("policy.rules")?;
    let items = r.convert("policy.rules", &value, |value| match &value.kind {
        ValueKind::Array(items) => Ok(items.clone()),
        _ => Err("a list of rules, such as [{ class = \"spam\", threshold = \"tag\", action = \"tag\" }]".to_owned()),
    })?;
    let key = |index: usize| format!("policy.rules: rule {}", index + 1);
    let rules: Vec<_> = items.iter().enumerate().map(|(index, item)| read_rule(r, &key(index), item)).collect();
    rules.into_iter().collect()
}

fn read_rule(r: &mut Reader, key: &str, value: &Value) -> Option<Rule> {
    let table = r.convert(key, value, |value| {
        let ValueKind::Table(table) = &value.kind else { return Err(RULE.to_owned()) };
        let has = |field: &str| table.contains_key(field);
        let known = table.keys().all(|field| ["class", "threshold", "qr", "action"].contains(&field.as_str()));
        let whole = has("action") && has("class") == has("threshold") && (has("class") || has("qr"));
        if known && whole { Ok(table.clone()) } else { Err(RULE.to_owned()) }
    })?;
    let class = table.get("class").map(|value| {
        r.convert(&format!("{key}: class"), value, |value| {
            let allowed = "a class of the model other than \"ham\"";
            let class = string(value, allowed)?;
            if class.is_empty() || class == "ham" { Err(allowed.to_owned()) } else { Ok(class) }
        })
    });
    let threshold = table.get("threshold").map(|value| {
        r.convert(&format!("{key}: threshold"), value, |value| {
            let text = if let ValueKind::String(text) = &value.kind { text.clone() } else { value.kind.to_string() };
            text.parse().map_err(str::to_owned)
        })
    });
    let qr = table.get("qr").map(|value| r.convert(&format!("{key}: qr"), value, read_qr));
    let action = r
        .convert(&format!("{key}: action"), &table["action"], |value| string(value, "an action")?.parse().map_err(str::to_owned));
    // An error in a condition is noted; the rule must not go on without it.
    let score = match (class, threshold) {
        (Some(class), Some(threshold)) => Some((class?, threshold?)),
        _ => None,
    };
    let qr = match qr {
        Some(qr) => Some(qr?),
        None => None,
    };
    Some(Rule { score, qr, action: action? })
}

const RULE: &str = "a table of action and at least one condition: class and threshold, qr, or both";

fn read_qr(value: &Value) -> Result<QrCondition, String> {
    let allowed = "\"any\", \"url\", \"recipient\", or a list of domains such as [\"example.com\"]";
    match &value.kind {
        ValueKind::Array(items) if !items.is_empty() => {
            let domain = |item| {
                // In the form that a host has in an address which a browser has read.
                let host = Host::parse(&string(item, allowed)?).map(|host| host.to_string());
                let plain = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                host.ok().filter(|host| host.split('.').all(plain)).ok_or_else(|| format!("{allowed} (not {})", show(item)))
            };
            items.iter().map(domain).collect::<Result<_, _>>().map(QrCondition::Domains)
        }
        _ => match string(value, allowed)?.as_str() {
            "any" => Ok(QrCondition::Any),
            "url" => Ok(QrCondition::Url),
            "recipient" => Ok(QrCondition::Recipient),
            _ => Err(allowed.to_owned()),
        },
    }
}
