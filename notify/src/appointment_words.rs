//! What somebody is told of their appointment, where the tenant has no words of its own for it (`leads template save … booked`).

use domain::{BOOKED, CALLED_OFF, Channel, Language};
use store::Template;

/// Name, language, text, subject of the email, body of the email.
type Words = (&'static str, Language, &'static str, &'static str, &'static str);

const WORDS: [Words; 4] = [
    (
        BOOKED,
        Language::English,
        "{{ shop }}: you're booked for {{ appointment }}, at {{ shop_address }}. To change it: {{ chat_link }}",
        "You're booked for {{ appointment }}",
        "Hi {{ first_name }},\n\nyou're booked for {{ appointment }} at {{ shop }}, {{ shop_address }}.\n\n\
         To change it, or to ask something: {{ chat_link }}, or call {{ shop_phone }}. The file with this email puts it \
         into your calendar.",
    ),
    (
        BOOKED,
        Language::Spanish,
        "{{ shop }}: su cita es el {{ appointment }}, en {{ shop_address }}. Para cambiarla: {{ chat_link }}",
        "Su cita: {{ appointment }}",
        "Hola {{ first_name }}:\n\nsu cita en {{ shop }}, {{ shop_address }}, es el {{ appointment }}.\n\n\
         Para cambiarla, o para preguntar algo: {{ chat_link }}, o llame al {{ shop_phone }}. El archivo de este correo la \
         pone en su calendario.",
    ),
    (
        CALLED_OFF,
        Language::English,
        "{{ shop }}: your appointment for {{ appointment }} is off. For another time: {{ chat_link }}",
        "Your appointment for {{ appointment }} is off",
        "Hi {{ first_name }},\n\nyour appointment for {{ appointment }} at {{ shop }} is off.\n\n\
         For another time: {{ chat_link }}, or call {{ shop_phone }}. We are at {{ shop_address }}.",
    ),
    (
        CALLED_OFF,
        Language::Spanish,
        "{{ shop }}: su cita del {{ appointment }} queda cancelada. Para otra hora: {{ chat_link }}",
        "Su cita del {{ appointment }} queda cancelada",
        "Hola {{ first_name }}:\n\nsu cita en {{ shop }} del {{ appointment }} queda cancelada.\n\n\
         Para otra hora: {{ chat_link }}, o llame al {{ shop_phone }}. Estamos en {{ shop_address }}.",
    ),
];

/// Those that the tenant does not have itself.
pub(crate) fn beside(own: &[Template]) -> Vec<Template> {
    let template = |name: &str, channel, language, subject: Option<&str>, body: &str| Template {
        name: name.to_owned(),
        channel,
        language,
        subject: subject.map(str::to_owned),
        body: body.to_owned(),
        mjml: None,
        approved_as: None,
    };
    let of = |(name, language, text, subject, body): Words| {
        [
            template(name, Channel::Sms, language, None, text),
            template(name, Channel::Email, language, Some(subject), body),
        ]
    };
    let is_own = |built_in: &Template| {
        own.iter()
            .any(|own| (&own.name, own.channel, own.language) == (&built_in.name, built_in.channel, built_in.language))
    };
    WORDS.into_iter().flat_map(of).filter(|template| !is_own(template)).collect()
}

#[cfg(test)]
mod tests {
    use domain::Segments;
    use templates::{Asked, Known, Renderer, Shop, Words as Read};

    use super::*;

    #[test]
    fn they_can_be_filled_and_are_no_long_texts() {
        let shop = Shop {
            name: "Sample Tint of Saint Petersburg",
            phone: "+18135550100",
            postal_address: "12345 Martin Luther King Boulevard, Saint Petersburg, FL 33602",
            hours: "",
        };
        let asked = Asked { first_name: None, vehicle: "", service: "", total_cents: 0 };
        let at = "2026-09-23T14:30:00Z".parse().unwrap();
        for template in beside(&[]) {
            let time = template.language.says_time(at, chrono_tz::America::New_York);
            let known = Known::new(template.language, asked, shop, "https://go.example.com/c/7Kd3mQxT9bWz2p");
            let known = known.with_appointment(time.clone());
            let words = Read { name: &template.name, subject: template.subject.as_deref(), body: &template.body };
            let filled = Renderer::default().render(words, &known).expect("words that can be filled");
            assert!(filled.body.contains(&time), "{}", filled.body);
            let count = Segments::of(&filled.body).count;
            assert!(template.channel == Channel::Email || count <= Segments::MOST, "{count}: {}", filled.body);
        }
    }
}
