//! In Spanish. Texts do without the letters á, í, ó and ú, which would make each cost twice as much.

use super::Preset;

pub(super) const STEPS: [Preset; 19] = [
    (
        "day_0",
        "Hola {{ first_name }}, le escribe {{ shop }}. Gracias por preguntar por {{ service }} para {{ vehicle }}. Le contamos \
         todo enseguida. ¿Le damos una cita? Responda por favor. Responda STOP para no recibir mensajes.",
        "{{ shop }}: {{ service }}",
        "Hola {{ first_name }}:\n\ngracias por preguntar por {{ service }} para {{ vehicle }}. Le contamos todo enseguida.\n\n\
         ¿Le gustaría elegir un día? Llámenos al {{ shop_phone }}.",
    ),
    (
        "day_1",
        "Hola {{ first_name }}, de nuevo {{ shop }}. ¿Tiene alguna pregunta sobre {{ service }} para {{ vehicle }}? Con gusto le ayudamos.",
        "¿Una pregunta sobre {{ service }}?",
        "Hola {{ first_name }}:\n\nayer nos preguntó por {{ service }} para {{ vehicle }}. ¿Hay algo que quiera saber antes de \
         decidir? Estamos en el {{ shop_phone }}.",
    ),
    (
        "day_3",
        "Hola {{ first_name }}, en {{ shop }} casi todos los trabajos de {{ service }} se entregan en menos de 24 horas. ¿Qué fecha le \
         conviene?",
        "Listo el mismo día",
        "Hola {{ first_name }}:\n\ncasi todos los trabajos de {{ service }} se entregan el mismo día: deja {{ vehicle }} por la \
         mañana y lo recoge por la tarde. ¿Qué día le conviene?",
    ),
    (
        "day_5",
        "Hola {{ first_name }}, ¿le conviene la mañana o la tarde para {{ vehicle }}? {{ shop }}, {{ shop_phone }}",
        "¿Mañana o tarde?",
        "Hola {{ first_name }}:\n\nllame al {{ shop_phone }}, diga si prefiere la mañana o la tarde, y le guardamos un lugar para \
         {{ vehicle }}.",
    ),
    (
        "day_7",
        "Hola {{ first_name }}, ya hace una semana de su solicitud a {{ shop }}: {{ service }}. ¿Le damos una cita?",
        "¿Buscamos un día?",
        "Hola {{ first_name }}:\n\nhace una semana nos preguntó por {{ service }}. ¿Buscamos un día?",
    ),
    (
        "day_10",
        "Hola {{ first_name }}, ¿ya tiene lo que busca para {{ vehicle }}? Si no, escriba a {{ shop }}: le ayudamos.",
        "¿Encontró lo que buscaba?",
        "Hola {{ first_name }}:\n\n¿encontró lo que buscaba para {{ vehicle }}? Si algo no le convence, llame al \
         {{ shop_phone }} y lo vemos de nuevo.",
    ),
    (
        "day_13",
        "Hola {{ first_name }}, en {{ shop }} le mostramos muestras de {{ service }}. Venga cuando quiera en horas de trabajo.",
        "Venga a ver muestras",
        "Hola {{ first_name }}:\n\nes más fácil elegir cuando se puede ver. Venga a ver muestras en {{ shop_address }}.",
    ),
    (
        "day_16",
        "Hola {{ first_name }}, ¿le guardamos un lugar para {{ vehicle }} la semana que viene? {{ shop }}",
        "¿Un lugar la próxima semana?",
        "Hola {{ first_name }}:\n\n¿le guardamos un lugar para {{ vehicle }} la próxima semana? Basta una llamada al {{ shop_phone }}.",
    ),
    (
        "day_19",
        "Hola {{ first_name }}, ¿sigue pensando en {{ service }}? Pregunte lo que quiera. {{ shop }}, {{ shop_phone }}",
        "¿Todavía lo piensa?",
        "Hola {{ first_name }}:\n\n¿todavía lo piensa? Está bien. Si tiene alguna pregunta, estamos en el {{ shop_phone }}.",
    ),
    (
        "day_22",
        "Hola {{ first_name }}, hace tres semanas de su solicitud a {{ shop }}. ¿Le sigue interesando?",
        "¿Todavía le interesa?",
        "Hola {{ first_name }}:\n\nhace tres semanas nos pidió un presupuesto para {{ vehicle }}. ¿Todavía le interesa? Llame al \
         {{ shop_phone }}.",
    ),
    (
        "day_25",
        "Hola {{ first_name }}, queremos dejar listo {{ vehicle }}. ¿Qué hace falta? {{ shop }}",
        "¿Qué hace falta?",
        "Hola {{ first_name }}:\n\nnos gustaría trabajar en {{ vehicle }}. ¿Qué hace falta?",
    ),
    (
        "day_27",
        "Hola {{ first_name }}, pronto cerramos su solicitud en {{ shop }}. ¿Le damos una cita para {{ service }} antes?",
        "Pronto cerramos su solicitud",
        "Hola {{ first_name }}:\n\nen unos días cerramos lo que nos pidió: {{ service }}. ¿Reservamos antes?",
    ),
    (
        "day_30",
        "Hola {{ first_name }}, con este mensaje nos despedimos. Para {{ service }} siempre puede llamar a {{ shop }} al {{ shop_phone }}.",
        "Nuestro último mensaje",
        "Hola {{ first_name }}:\n\neste es nuestro último mensaje sobre {{ service }}. Siempre puede llamarnos al {{ shop_phone }}. \
         Gracias por preguntarnos.",
    ),
    (
        "five_days_2",
        "Hola {{ first_name }}, ¿recibe usted nuestros mensajes sobre {{ service }}? Basta una palabra y {{ shop }} hace el resto.",
        "¿Le llegó nuestro mensaje?",
        "Hola {{ first_name }}:\n\nhoy le escribimos sobre {{ service }} para {{ vehicle }}. Si algo no está claro, llame al \
         {{ shop_phone }}: le contesta alguien que conoce su presupuesto.",
    ),
    (
        "five_days_3",
        "Hola {{ first_name }}, de nuevo {{ shop }}. ¿Qué fecha de esta semana le conviene para {{ vehicle }}?",
        "¿Un día de esta semana?",
        "Hola {{ first_name }}:\n\n¿hay un día de esta semana que le convenga para {{ vehicle }}? Díganos en el {{ shop_phone }} y lo \
         buscamos.",
    ),
    (
        "five_days_4",
        "Hola {{ first_name }}, ¿qué quiere saber de {{ service }} antes de decidir? {{ shop }}, {{ shop_phone }}",
        "¿Qué le gustaría saber?",
        "Hola {{ first_name }}:\n\ncasi todos nos preguntan cuánto tarda {{ service }} y cuánto dura. Pregúntenos en el \
         {{ shop_phone }}, o venga a verlo.",
    ),
    (
        "five_days_5",
        "Hola {{ first_name }}, ¿buscamos juntos una fecha para {{ vehicle }}? {{ shop }}, {{ shop_phone }}",
        "Un lugar para su carro",
        "Hola {{ first_name }}:\n\n¿le guardamos un lugar para {{ vehicle }}? Basta una llamada al {{ shop_phone }}.",
    ),
    (
        "five_days_6",
        "Hola {{ first_name }}, si el precio o la fecha no le conviene, escriba a {{ shop }}: preferimos cambiar algo antes que perderle.",
        "¿Algo no le conviene?",
        "Hola {{ first_name }}:\n\nsi el precio o la fecha no le conviene, díganos en el {{ shop_phone }}. Preferimos cambiar algo \
         antes que perderle.",
    ),
    (
        "five_days_7",
        "Hola {{ first_name }}, ya no le escribiremos sobre {{ service }}. Cuando guste: {{ shop }}, {{ shop_phone }}.",
        "Cuando guste",
        "Hola {{ first_name }}:\n\nya no le escribiremos sobre {{ service }}. Cuando guste, estamos en el {{ shop_phone }}. Gracias por \
         preguntarnos.",
    ),
];

pub(super) const CHAT: &str = "Nuestros precios, horas libres y una respuesta ahora mismo: {{ chat_link }}";

pub(super) const FOOTER: &str = "\n\n{{ shop }}\n{{ shop_address }}\n{{ shop_phone }}\n\n\
    Recibe este mensaje porque nos pidió un presupuesto.";

pub(super) const OPTED_OUT: &str = "{{ shop }}: ya no le enviaremos mensajes. Escriba START para volver a recibirlos.";
