//! In English.

use super::Preset;

pub(super) const STEPS: [Preset; 19] = [
    (
        "day_0",
        "Hi {{ first_name }}, this is {{ shop }}. Thanks for asking about {{ service }} for {{ vehicle }}. We can \
         tell you more right away. Want to pick a day? Just reply here. Reply STOP to opt out.",
        "{{ shop }} about {{ service }}",
        "Hi {{ first_name }},\n\nthank you for asking about {{ service }} for {{ vehicle }}. We can tell you more right away.\n\n\
         Would you like to pick a day? Call us at {{ shop_phone }}: we are open {{ shop_hours }}.",
    ),
    (
        "day_1",
        "Hi {{ first_name }}, {{ shop }} again. Any question about {{ service }} for {{ vehicle }}? Happy to help.",
        "A question about {{ service }}?",
        "Hi {{ first_name }},\n\nyesterday you asked us about {{ service }} for {{ vehicle }}. Is there anything you \
         would like to know before you decide? We are at {{ shop_phone }}.",
    ),
    (
        "day_3",
        "Hi {{ first_name }}, most {{ service }} jobs at {{ shop }} are done the same day. Which day suits you?",
        "Done in a day",
        "Hi {{ first_name }},\n\nmost {{ service }} jobs are done the same day: you drop {{ vehicle }} off in the \
         morning and drive home in the afternoon. Which day suits you?",
    ),
    (
        "day_5",
        "Hi {{ first_name }}, would a morning or an afternoon be better for {{ vehicle }}? {{ shop }}, {{ shop_phone }}",
        "Morning or afternoon?",
        "Hi {{ first_name }},\n\nwe are open {{ shop_hours }}. Call {{ shop_phone }}, say whether a morning or an \
         afternoon is better, and we keep a place for {{ vehicle }}.",
    ),
    (
        "day_7",
        "Hi {{ first_name }}, it has been a week since you asked {{ shop }} about {{ service }}. Shall we find a day for it?",
        "Shall we find a day for it?",
        "Hi {{ first_name }},\n\nit has been a week since you asked about {{ service }}. Shall we find a day for it?",
    ),
    (
        "day_10",
        "Hi {{ first_name }}, did you find what you need for {{ vehicle }}? If not, {{ shop }} is a text away.",
        "Did you find what you need?",
        "Hi {{ first_name }},\n\ndid you find what you need for {{ vehicle }}? If something did not fit, \
         call {{ shop_phone }}, and we look at it again.",
    ),
    (
        "day_13",
        "Hi {{ first_name }}, the team at {{ shop }} can show you samples of {{ service }}. Come by any time we are open.",
        "Come and see samples",
        "Hi {{ first_name }},\n\nit is easier to choose when you can see it. Come by and look at samples: we are open \
         {{ shop_hours }}, at {{ shop_address }}.",
    ),
    (
        "day_16",
        "Hi {{ first_name }}, shall we keep a place for {{ vehicle }} next week? {{ shop }}",
        "A place next week?",
        "Hi {{ first_name }},\n\nshall we keep a place for {{ vehicle }} next week? A call to {{ shop_phone }} is enough.",
    ),
    (
        "day_19",
        "Hi {{ first_name }}, still thinking about {{ service }}? Ask us anything. {{ shop }}, {{ shop_phone }}",
        "Still thinking about it?",
        "Hi {{ first_name }},\n\nstill thinking about {{ service }}? That is fine. If there is a question in the way, \
         we are at {{ shop_phone }}.",
    ),
    (
        "day_22",
        "Hi {{ first_name }}, three weeks ago you asked {{ shop }} for a quote. Is it still of interest?",
        "Is it still of interest?",
        "Hi {{ first_name }},\n\nthree weeks ago you asked us for a quote for {{ vehicle }}. Is it still of interest? \
         Call us at {{ shop_phone }}.",
    ),
    (
        "day_25",
        "Hi {{ first_name }}, we would like to do {{ vehicle }} for you. What would it take? {{ shop }}",
        "What would it take?",
        "Hi {{ first_name }},\n\nwe would like to do {{ vehicle }} for you. What would it take?",
    ),
    (
        "day_27",
        "Hi {{ first_name }}, we close your request at {{ shop }} in a few days. Shall we find a day for {{ service }} before then?",
        "We close your request in a few days",
        "Hi {{ first_name }},\n\nin a few days we close what you asked us about {{ service }}. Shall we find a day for it before then?",
    ),
    (
        "day_30",
        "Hi {{ first_name }}, this is our last message about {{ service }}. You can always reach {{ shop }} at \
         {{ shop_phone }}.",
        "Our last message",
        "Hi {{ first_name }},\n\nthis is our last message about {{ service }}. You can always reach us at \
         {{ shop_phone }}. Thank you for asking us.",
    ),
    (
        "five_days_2",
        "Hi {{ first_name }}, did our message about {{ service }} reach you? A word is enough, and {{ shop }} takes care of the rest.",
        "Did our message reach you?",
        "Hi {{ first_name }},\n\nearlier today we wrote to you about {{ service }} for {{ vehicle }}. If something is unclear, call \
         {{ shop_phone }}: somebody who knows your quote answers.",
    ),
    (
        "five_days_3",
        "Hi {{ first_name }}, {{ shop }} again. Is there a day this week that suits you for {{ vehicle }}?",
        "A day this week?",
        "Hi {{ first_name }},\n\nis there a day this week that suits you for {{ vehicle }}? Tell us at {{ shop_phone }}, and we look.",
    ),
    (
        "five_days_4",
        "Hi {{ first_name }}, what would you like to know about {{ service }} before you decide? {{ shop }}, {{ shop_phone }}",
        "What would you like to know?",
        "Hi {{ first_name }},\n\nmost people ask us how long {{ service }} takes and how long it lasts. Ask us at {{ shop_phone }}, or \
         come by and see for yourself: we are open {{ shop_hours }}.",
    ),
    (
        "five_days_5",
        "Hi {{ first_name }}, shall we look for a day for {{ vehicle }} together? {{ shop }}, {{ shop_phone }}",
        "A place for your car",
        "Hi {{ first_name }},\n\nshall we keep a place for {{ vehicle }}? A call to {{ shop_phone }} is enough.",
    ),
    (
        "five_days_6",
        "Hi {{ first_name }}, if the price or the day is in the way, tell {{ shop }}: we would rather change something than lose you.",
        "Is something in the way?",
        "Hi {{ first_name }},\n\nif the price or the day is in the way, tell us at {{ shop_phone }}. We would rather change something \
         than lose you.",
    ),
    (
        "five_days_7",
        "Hi {{ first_name }}, we will not write again about {{ service }}. Whenever you are ready: {{ shop }}, {{ shop_phone }}.",
        "Whenever you are ready",
        "Hi {{ first_name }},\n\nwe will not write again about {{ service }}. Whenever you are ready, we are at {{ shop_phone }}. Thank \
         you for asking us.",
    ),
];

/// Below every email: who writes and from where (CAN-SPAM asks for the postal address). How to end it is added as a link. Nothing here
/// asks for an answer by email, which nobody here would hear.
pub(super) const CHAT: &str = "Our prices, free times, and an answer right now: {{ chat_link }}";

pub(super) const FOOTER: &str = "\n\n{{ shop }}\n{{ shop_address }}\n{{ shop_phone }}\n\n\
    You get this because you asked us for a quote.";

pub(super) const OPTED_OUT: &str = "{{ shop }}: you will get no more messages from us. Text START to undo this.";
