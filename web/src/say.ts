/** The page's own words, in the languages that the assistant speaks. */

import type { Language, Tax } from "./wire.js";

const english = {
  call: "Call",
  assistant: "Assistant",
  you: "You",
  greeting: (shop: string) => `Hi! I am ${shop}’s automated assistant. I know our prices and our free times, and I can get you a person.`,
  starts: ["How much is it?", "When can I come in?", "What are your hours?", "Talk to a person"],
  placeholder: "Write a message",
  send: "Send",
  stop: "Stop",
  earlier: "Show earlier messages",
  newest: "Newest messages",
  typing: "The assistant is writing",
  lookingUp: "Looking that up",
  isHere: (name: string) => `${name} from the shop is answering you now.`,
  away: "No connection. We keep trying; nothing you wrote is lost.",
  over: "This conversation has ended on this phone. Open the link in our message again.",
  sending: "Sending …",
  notSent: "Not sent",
  remove: "Remove",
  plusTax: "plus tax",
  withTax: "tax included",
  freeTimes: "See free times",
  askTimes: (service: string) => `When can you do ${service}?`,
  chooseTime: "Choose a time",
  keptUntil: (time: string) => `These times are kept for you until ${time}.`,
  notKept: "These times are not kept for you any more.",
  askAgain: "Show free times again",
  askAgainWords: "What times are free?",
  book: (time: string) => `Book ${time}`,
  booking: "Booking …",
  booked: "Booked",
  calledOff: "Called off",
  calendar: "Add to calendar",
  callOff: "Call it off",
  callOffSure: "Yes, call it off",
  keep: "Keep it",
  callingOff: "Calling off …",
  slotGone: "Somebody was faster, or the time is not kept any more. Ask for the times again.",
  failed: "That did not work. Please try again.",
  leave: "Stop messages from us",
  other: "Español",
};

export type Words = typeof english;

const spanish: Words = {
  call: "Llamar",
  assistant: "Asistente",
  you: "Usted",
  greeting: (shop) => `¡Hola! Soy el asistente automático de ${shop}. Conozco nuestros precios y horas libres, y puedo pasarle con una persona.`,
  starts: ["¿Cuánto cuesta?", "¿Cuándo puedo ir?", "¿Qué horario tienen?", "Hablar con una persona"],
  placeholder: "Escriba un mensaje",
  send: "Enviar",
  stop: "Parar",
  earlier: "Ver mensajes anteriores",
  newest: "Mensajes más recientes",
  typing: "El asistente está escribiendo",
  lookingUp: "Un momento, lo busco",
  isHere: (name) => `${name}, del taller, le responde ahora.`,
  away: "Sin conexión. Seguimos intentando; no se pierde nada de lo que escribió.",
  over: "Esta conversación terminó en este teléfono. Abra de nuevo el enlace de nuestro mensaje.",
  sending: "Enviando …",
  notSent: "No enviado",
  remove: "Quitar",
  plusTax: "más impuestos",
  withTax: "impuestos incluidos",
  freeTimes: "Ver horas libres",
  askTimes: (service) => `¿Cuándo hay una cita para ${service}?`,
  chooseTime: "Elija una hora",
  keptUntil: (time) => `Guardamos estas horas para usted hasta las ${time}.`,
  notKept: "Ya no guardamos estas horas para usted.",
  askAgain: "Ver horas libres otra vez",
  askAgainWords: "¿Qué horas hay libres para una cita?",
  book: (time) => `Reservar ${time}`,
  booking: "Reservando …",
  booked: "Reservado",
  calledOff: "Cancelado",
  calendar: "Añadir al calendario",
  callOff: "Cancelar la cita",
  callOffSure: "Sí, cancelarla",
  keep: "Mantenerla",
  callingOff: "Cancelando …",
  slotGone: "Alguien fue más rápido, o ya no guardamos esa hora. Pida las horas otra vez.",
  failed: "Eso no funcionó. Inténtelo de nuevo.",
  leave: "No recibir más mensajes",
  other: "English",
};

export const WORDS: Record<Language, Words> = { en: english, es: spanish };

const TAG: Record<Language, string> = { en: "en-US", es: "es-US" };

/** A day and a time as the shop's clock shows it, whatever the phone's does. */
export function whenAt(at: string, zone: string, language: Language): string {
  const parts: Intl.DateTimeFormatOptions = { weekday: "short", month: "short", day: "numeric", hour: "numeric", minute: "2-digit" };
  return new Intl.DateTimeFormat(TAG[language], { ...parts, timeZone: zone }).format(new Date(at));
}

export function dayAt(at: string, zone: string, language: Language): string {
  const parts: Intl.DateTimeFormatOptions = { weekday: "long", month: "long", day: "numeric" };
  return new Intl.DateTimeFormat(TAG[language], { ...parts, timeZone: zone }).format(new Date(at));
}

export function timeAt(at: string, zone: string, language: Language): string {
  return new Intl.DateTimeFormat(TAG[language], { hour: "numeric", minute: "2-digit", timeZone: zone }).format(new Date(at));
}

export function price(cents: number, language: Language): string {
  const isWhole = cents % 100 === 0;
  const digits = { minimumFractionDigits: isWhole ? 0 : 2 };
  return new Intl.NumberFormat(TAG[language], { style: "currency", currency: "USD", ...digits }).format(cents / 100);
}

export function taxWords(tax: Tax, words: Words): string {
  return { included: words.withTax, not_included: words.plusTax, unknown: "" }[tax];
}
