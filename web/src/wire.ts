/** What the server says, as docs/chat.md has it. */

export type SaidBy = "customer" | "assistant" | "person";
export type Language = "en" | "es";
export type Tax = "included" | "not_included" | "unknown";

export interface Slot {
  starts_at: string;
  ends_at: string;
}

export interface PriceCard {
  kind: "price";
  service: string;
  name: string;
  price_cents: number;
  tax: Tax;
  is_bookable: boolean;
}

export interface SlotsCard {
  kind: "slots";
  service: string | null;
  zone: string;
  slots: (Slot & { hold: string })[];
  held_until: string;
}

export interface BookingCard extends Slot {
  kind: "booking";
  appointment: string;
  zone: string;
  state: "booked" | "cancelled";
}

export type Card = PriceCard | SlotsCard | BookingCard;

export interface Turn {
  id: string;
  number?: number;
  said_by: SaidBy;
  name?: string;
  words: string;
  cards: Card[];
  said_at: string;
}

export interface History {
  turns: Turn[];
  before: number | null;
  as_of: string;
  is_answering: boolean;
  held_by: string | null;
}

export interface Context {
  shop: { name: string; phone: string; phone_shown: string; address: string; hours: string; zone: string };
  language: Language;
  vehicle: string;
  service: string;
  booked: (Slot & { appointment: string })[];
}

/** What the page is delivered with, so that it needs no request before it shows the conversation. */
export interface Start {
  lead: string;
  /** The clock that the conversation goes by, and the one by which times are kept; they differ in demonstrations alone. */
  now: string;
  wall: string;
  context: Context;
  history: History;
}

export type Part =
  | { type: "start"; messageId: string }
  | { type: "text-start"; id: string }
  | { type: "text-delta"; id: string; delta: string }
  | { type: "text-end"; id: string }
  | { type: "data-card"; data: Card }
  | { type: "data-status"; data: { phase: "thinking" | "looking_up" } }
  | { type: "data-reset" }
  | { type: "finish"; messageId: string }
  | { type: "abort"; messageId: string }
  | { type: "data-turn"; data: Turn }
  | { type: "data-handoff"; data: { state: "joined"; name: string } | { state: "given_back" } }
  | { type: "data-resync" };
