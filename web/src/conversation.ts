/** What a page shows, as a pure function of what it was told: the same parts give the same page, wherever the stream was cut. */

import type { Card, History, Part, Turn } from "./wire.js";

/** An answer on its way. */
export interface Draft {
  answer: string;
  texts: { id: string; words: string }[];
  cards: Card[];
}

/** What this page has said and the server has not confirmed yet. */
export interface Unsent {
  /** Our own id for it, under which saying it again is safe. */
  id: string;
  words: string;
  /** Why it will not be sent. */
  refused?: string;
}

export interface Conversation {
  /** Those with a number first, by it; then those that came since. */
  turns: Turn[];
  drafts: Draft[];
  unsent: Unsent[];
  phase: "thinking" | "looking_up" | null;
  heldBy: string | null;
  /** What to ask for next, for what was said before. */
  before: number | null;
}

export function open(history: History): Conversation {
  return {
    turns: history.turns,
    drafts: [],
    unsent: [],
    phase: history.is_answering ? "thinking" : null,
    heldBy: history.held_by,
    before: history.before,
  };
}

/** A turn is taken once, whichever way it comes. */
function withTurn(turns: Turn[], turn: Turn): Turn[] {
  return turns.some((known) => known.id === turn.id) ? turns : [...turns, turn];
}

/** The stream has lost the thread: the history says what was said, and answers on their way begin anew. */
export function resynced(conversation: Conversation, history: History): Conversation {
  const known = new Set(history.turns.map((turn) => turn.id));
  const first = history.turns[0]?.number ?? 0;
  // Older pages stay; what came since the last page is all in this one.
  const older = conversation.turns.filter((turn) => turn.number !== undefined && turn.number < first && !known.has(turn.id));
  return {
    ...open(history),
    turns: [...older, ...history.turns],
    before: older.length > 0 ? conversation.before : history.before,
    unsent: conversation.unsent,
  };
}

export function withEarlier(conversation: Conversation, history: History): Conversation {
  const known = new Set(conversation.turns.map((turn) => turn.id));
  const earlier = history.turns.filter((turn) => !known.has(turn.id));
  return { ...conversation, turns: [...earlier, ...conversation.turns], before: history.before };
}

export function said(conversation: Conversation, unsent: Unsent): Conversation {
  return { ...conversation, unsent: [...conversation.unsent, unsent] };
}

/** The server has it. The answer that is on its way says so from here on. */
export function confirmed(conversation: Conversation, id: string, turn: string, at: string): Conversation {
  const sent = conversation.unsent.find((unsent) => unsent.id === id);
  if (!sent) return conversation;
  const own: Turn = { id: turn, said_by: "customer", words: sent.words, cards: [], said_at: at };
  const waits = conversation.turns.some((known) => known.id === turn) ? conversation.phase : "thinking";
  return {
    ...conversation,
    turns: withTurn(conversation.turns, own),
    unsent: conversation.unsent.filter((unsent) => unsent.id !== id),
    phase: conversation.heldBy === null ? waits : null,
  };
}

export function refused(conversation: Conversation, id: string, why: string): Conversation {
  const unsent = conversation.unsent.map((each) => (each.id === id ? { ...each, refused: why } : each));
  return { ...conversation, unsent };
}

export function forgotten(conversation: Conversation, id: string): Conversation {
  return { ...conversation, unsent: conversation.unsent.filter((each) => each.id !== id) };
}

export function words(draft: Draft): string {
  return draft.texts.map((text) => text.words).join("");
}

function inNewest(drafts: Draft[], change: (draft: Draft) => Draft): Draft[] {
  const newest = drafts.at(-1);
  return newest ? [...drafts.slice(0, -1), change(newest)] : drafts;
}

/** One part of the stream. `at`: when it came, for an answer that is whole. */
export function heard(conversation: Conversation, part: Part, at: string): Conversation {
  const { drafts } = conversation;
  switch (part.type) {
    case "start":
      return { ...conversation, drafts: [...drafts, { answer: part.messageId, texts: [], cards: [] }] };
    case "text-start": {
      const begin = (draft: Draft): Draft => ({ ...draft, texts: [...draft.texts, { id: part.id, words: "" }] });
      return { ...conversation, drafts: inNewest(drafts, begin), phase: null };
    }
    case "text-delta": {
      const grow = (draft: Draft): Draft => ({
        ...draft,
        texts: draft.texts.map((text) => (text.id === part.id ? { ...text, words: text.words + part.delta } : text)),
      });
      return { ...conversation, drafts: inNewest(drafts, grow) };
    }
    case "text-end":
      return conversation;
    case "data-card":
      return { ...conversation, drafts: inNewest(drafts, (draft) => ({ ...draft, cards: [...draft.cards, part.data] })) };
    case "data-status":
      return { ...conversation, phase: part.data.phase };
    case "data-reset":
      return { ...conversation, drafts: drafts.slice(-1) };
    case "finish": {
      const draft = drafts.findLast((each) => each.answer === part.messageId);
      const rest = drafts.filter((each) => each.answer !== part.messageId);
      // Its beginning was not heard: the history has it whole.
      if (!draft) return { ...conversation, phase: null };
      const turn: Turn = { id: draft.answer, said_by: "assistant", words: words(draft), cards: draft.cards, said_at: at };
      return { ...conversation, drafts: rest, turns: withTurn(conversation.turns, turn), phase: null };
    }
    case "abort":
      // There is one answer at a time; whoever stops it, or is in its place, ends what is on its way.
      return { ...conversation, drafts: [], phase: null };
    case "data-turn": {
      const turn = { ...part.data, cards: part.data.cards ?? [] };
      // Our own words came back by the stream before the answer to our request did.
      const isNew = !conversation.turns.some((known) => known.id === turn.id);
      const echo = isNew && turn.said_by === "customer" && conversation.unsent.find((unsent) => unsent.words === turn.words);
      const unsent = echo ? conversation.unsent.filter((each) => each !== echo) : conversation.unsent;
      return { ...conversation, turns: withTurn(conversation.turns, turn), unsent };
    }
    case "data-handoff":
      return { ...conversation, heldBy: part.data.state === "joined" ? part.data.name : null, drafts: [], phase: null };
    case "data-resync":
      return conversation;
  }
}

/** An answer has ended whose beginning was not heard: the history has it whole. */
export function hasMissed(conversation: Conversation, part: Part): boolean {
  if (part.type !== "finish") return false;
  const isKnown = conversation.turns.some((turn) => turn.id === part.messageId);
  return !isKnown && !conversation.drafts.some((draft) => draft.answer === part.messageId);
}

/** Bookings by what was said of them last: a card of one that was called off since offers nothing. */
export function isCurrent(conversation: Conversation, appointment: string): boolean {
  const cards = conversation.turns.flatMap((turn) => turn.cards);
  const last = cards.findLast((card) => card.kind === "booking" && card.appointment === appointment);
  const newest = cards.findLast((card) => card.kind === "booking" && card.state === "booked");
  const isNewest = newest?.kind === "booking" && newest.appointment === appointment;
  return last?.kind === "booking" && last.state === "booked" && isNewest;
}

/** The card that offered times last, unless one was booked since: what was offered before is kept no more. */
export function newestOffer(conversation: Conversation): Card | undefined {
  const all = [...conversation.turns, ...conversation.drafts].flatMap((of) => of.cards);
  return all.findLast((card) => card.kind === "slots" || (card.kind === "booking" && card.state === "booked"));
}
