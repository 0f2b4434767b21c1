//! What the concierge says, in both languages. Each sentence is checked like a model's before anybody reads it.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{Language, Service, Tax, dollars};

/// Sentences in one language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Say(pub(crate) Language);

impl Say {
    fn either(self, english: impl Into<String>, spanish: impl Into<String>) -> String {
        match self.0 {
            Language::English => english.into(),
            Language::Spanish => spanish.into(),
        }
    }

    pub(crate) fn who_i_am(self, shop: &str) -> String {
        self.either(
            format!("I'm the automated assistant of {shop}."),
            format!("Soy el asistente automático de {shop}."),
        )
    }

    pub(crate) fn ask_for_a_person(self) -> String {
        self.either(
            "If you would rather talk to a person, just say so.",
            "Si prefiere hablar con una persona, solo dígalo.",
        )
    }

    pub(crate) fn hello(self) -> String {
        self.either("What can I do for you?", "¿En qué le puedo ayudar?")
    }

    pub(crate) fn what_i_can_do(self) -> String {
        self.either(
            "I can tell you our prices and hours, and find a time for your car.",
            "Le puedo decir nuestros precios y horarios, y buscar una cita para su carro.",
        )
    }

    pub(crate) fn not_understood(self) -> String {
        self.either("I'm not sure I understood that.", "No estoy seguro de haber entendido.")
    }

    pub(crate) fn price(self, service: &Service) -> String {
        let (name, price) = (&service.name, dollars(service.price_cents));
        match service.tax {
            Tax::NotIncluded => {
                self.either(format!("{name} is {price} plus tax."), format!("{name} cuesta {price} más impuestos."))
            }
            Tax::Included => self.either(
                format!("{name} is {price}, tax included."),
                format!("{name} cuesta {price}, impuestos incluidos."),
            ),
            Tax::Unknown => self.either(format!("{name} is {price}."), format!("{name} cuesta {price}.")),
        }
    }

    pub(crate) fn more_of_them(self) -> String {
        self.either("There is more of that; tell me a little more about it.", "Hay más opciones; cuénteme un poco más.")
    }

    pub(crate) fn see_a_time(self) -> String {
        self.either("Would you like to see when we have room?", "¿Quiere ver cuándo tenemos lugar?")
    }

    pub(crate) fn no_such_service(self) -> String {
        self.either("I don't find that among our services.", "No encuentro eso entre nuestros servicios.")
    }

    pub(crate) fn what_there_is(self, names: &[&str]) -> String {
        let names = names.join(", ");
        self.either(format!("We do, for example: {names}."), format!("Hacemos, por ejemplo: {names}."))
    }

    pub(crate) fn no_catalog(self) -> String {
        self.either("I cannot see our prices just now.", "En este momento no puedo ver nuestros precios.")
    }

    pub(crate) fn hours(self, hours: &str) -> String {
        self.either(format!("We are open {hours}."), format!("Nuestro horario es {hours}."))
    }

    pub(crate) fn place(self, address: &str) -> String {
        self.either(format!("You find us at {address}."), format!("Estamos en {address}."))
    }

    pub(crate) fn telephone(self, number: &str) -> String {
        self.either(format!("Our number is {number}."), format!("Nuestro número es {number}."))
    }

    pub(crate) fn nobody_has_said(self) -> String {
        self.either("That I cannot tell you.", "Eso no se lo puedo decir.")
    }

    pub(crate) fn which_one(self) -> String {
        self.either("Which one would you like?", "¿Cuál le gustaría?")
    }

    pub(crate) fn choose_a_time(self) -> String {
        self.either("Choose a time, and it is yours.", "Elija una hora y es suya.")
    }

    pub(crate) fn kept_for_a_while(self) -> String {
        self.either("I keep these for you for a little while.", "Se las guardo por un rato.")
    }

    pub(crate) fn no_time(self) -> String {
        self.either("I have no time like that.", "No tengo lugar en ese momento.")
    }

    pub(crate) fn these_instead(self) -> String {
        self.either("These I have:", "Estas tengo:")
    }

    pub(crate) fn the_shop_books(self) -> String {
        self.either(
            "For that one the shop finds a time with you.",
            "Para ese servicio el taller acuerda la hora con usted.",
        )
    }

    pub(crate) fn you_have(self, at: DateTime<Utc>, zone: Tz) -> String {
        let at = self.time(at, zone);
        self.either(format!("You're booked for {at}."), format!("Su cita está confirmada: {at}."))
    }

    pub(crate) fn called_off(self, at: DateTime<Utc>, zone: Tz) -> String {
        let at = self.time(at, zone);
        self.either(format!("Your appointment of {at} is called off."), format!("Su cita del {at} está anulada."))
    }

    pub(crate) fn press_to_cancel(self) -> String {
        self.either(
            "Press Cancel below to call it off, or ask me for another time.",
            "Presione Cancelar abajo para anularla, o pídame otra hora.",
        )
    }

    pub(crate) fn nothing_booked(self) -> String {
        self.either("I see no appointment of yours.", "No veo ninguna cita suya.")
    }

    pub(crate) fn a_person_comes(self) -> String {
        self.either(
            "I've told the shop, and one of us will answer you here.",
            "Le avisé al taller, y alguien le responderá por aquí.",
        )
    }

    pub(crate) fn no_more_messages(self) -> String {
        self.either("You will get no more texts and emails from us.", "No recibirá más mensajes ni correos nuestros.")
    }

    pub(crate) fn sorry(self) -> String {
        self.either("I'm sorry about that.", "Lo siento mucho.")
    }

    pub(crate) fn you_are_welcome(self) -> String {
        self.either("You're welcome.", "Con gusto.")
    }

    /// `Tuesday, March 10 at 10:30 AM`; `martes 10 de marzo a las 10:30 a. m.`
    pub(crate) fn time(self, at: DateTime<Utc>, zone: Tz) -> String {
        self.0.says_time(at, zone)
    }
}
