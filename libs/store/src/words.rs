//! What a tenant's messages say: templates, one for each name, channel and language.

use std::collections::HashMap;

use domain::{ApprovedName, Channel, Language};

use crate::{Error, Tenants};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub name: String,
    pub channel: Channel,
    pub language: Language,
    /// Of an email.
    pub subject: Option<String>,
    /// Of an email, its text part.
    pub body: String,
    /// Of an email: MJML. `None`: the design that all have.
    pub mjml: Option<String>,
    /// Of a WhatsApp message. `None`: it may leave only where the customer wrote within a day.
    pub approved_as: Option<ApprovedName>,
}

/// All that a tenant has to say.
#[derive(Debug, Default)]
pub struct Wordings {
    by_name: HashMap<(String, Channel), Vec<Template>>,
    language: Language,
}

impl Wordings {
    /// `language`: of whoever's is not known.
    pub fn new(templates: Vec<Template>, language: Language) -> Self {
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        for template in templates {
            by_name.entry((template.name.clone(), template.channel)).or_default().push(template);
        }
        for spoken in by_name.values_mut() {
            // Where theirs is not there: the tenant's own, before any other.
            spoken.sort_by_key(|template| (template.language != language, template.language));
        }
        Self { by_name, language }
    }

    /// In the language that somebody speaks, or else in the tenant's, or else in any: a touch in another language is better than none.
    pub fn find(&self, name: &str, channel: Channel, spoken: Option<Language>) -> Option<&Template> {
        let known = self.by_name.get(&(name.to_owned(), channel))?;
        let spoken = spoken.unwrap_or(self.language);
        known.iter().find(|template| template.language == spoken).or(known.first())
    }
}

impl Tenants<'_> {
    pub async fn save_template(self, template: &Template) -> Result<(), Error> {
        sqlx::query!(
            "insert into templates (tenant_id, name, channel, language, subject, body, mjml, approved_as)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
             on conflict (tenant_id, name, channel, language) do update
             set subject = excluded.subject, body = excluded.body, mjml = excluded.mjml, approved_as = excluded.approved_as",
            self.0.tenant.uuid(),
            template.name,
            template.channel.as_str(),
            template.language.as_str(),
            template.subject,
            template.body,
            template.mjml,
            template.approved_as.as_ref().map(ToString::to_string)
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("save a template"))
    }

    pub async fn list_templates(self) -> Result<Vec<Template>, Error> {
        let rows = sqlx::query!(
            "select name, channel, language, subject, body, mjml, approved_as from templates where tenant_id = $1",
            self.0.tenant.uuid()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list templates"))?;
        rows.into_iter()
            .map(|row| {
                let approved_as = row.approved_as.map(ApprovedName::try_from).transpose();
                Ok(Template {
                    name: row.name,
                    channel: row.channel.parse().map_err(|error| Error::corrupt("channel", error))?,
                    language: row.language.parse().map_err(|error| Error::corrupt("language", error))?,
                    subject: row.subject,
                    body: row.body,
                    mjml: row.mjml,
                    approved_as: approved_as.map_err(|error| Error::corrupt("approved name", error))?,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(language: Language) -> Template {
        Template {
            name: "day_0".into(),
            channel: Channel::Sms,
            language,
            subject: None,
            body: language.as_str().into(),
            mjml: None,
            approved_as: None,
        }
    }

    #[test]
    fn everybody_is_written_to_in_their_own_language_or_else_in_the_shops() {
        use Language::{English, Spanish};
        let both = Wordings::new(vec![template(English), template(Spanish)], Spanish);
        let said = |wordings: &Wordings, spoken| {
            wordings.find("day_0", Channel::Sms, spoken).map(|template| template.language)
        };
        assert_eq!(said(&both, None), Some(Spanish));
        assert_eq!(said(&both, Some(English)), Some(English));
        let one = Wordings::new(vec![template(English)], Spanish);
        assert_eq!((said(&one, None), said(&one, Some(Spanish))), (Some(English), Some(English)));
        assert_eq!(one.find("day_0", Channel::Email, None), None);
    }
}
