import { describe, expect, it } from "vitest";
import { confirmed, type Conversation, hasMissed, heard, isCurrent, open, resynced, said, withEarlier, words } from "../src/conversation.js";
import type { BookingCard, History, Part, Turn } from "../src/wire.js";

const AT = "2026-03-10T16:00:00Z";
const empty: History = { turns: [], before: null, as_of: "0-0", is_answering: false, held_by: null };
const turn = (id: string, number?: number): Turn => ({
  id,
  said_by: "customer",
  words: `words of ${id}`,
  cards: [],
  said_at: AT,
  ...(number === undefined ? {} : { number }),
});
const hear = (from: Conversation, parts: Part[]) => parts.reduce((now, part) => heard(now, part, AT), from);

const ANSWER: Part[] = [
  { type: "start", messageId: "a-1" },
  { type: "data-status", data: { phase: "thinking" } },
  { type: "text-start", id: "t" },
  { type: "text-delta", id: "t", delta: "Ceramic tint is " },
  { type: "text-delta", id: "t", delta: "$499." },
  { type: "text-end", id: "t" },
  { type: "data-card", data: { kind: "price", service: "s", name: "Ceramic", price_cents: 49900, tax: "unknown", is_bookable: true } },
  { type: "finish", messageId: "a-1" },
];

describe("an answer", () => {
  it("is one turn with its words and cards once it is whole", () => {
    const page = hear(open(empty), ANSWER);
    expect(page.drafts).toEqual([]);
    expect(page.phase).toBeNull();
    expect(page.turns).toMatchObject([{ id: "a-1", said_by: "assistant", words: "Ceramic tint is $499." }]);
    expect(page.turns[0]?.cards).toHaveLength(1);
  });

  it("shows as far as it came", () => {
    const page = hear(open(empty), ANSWER.slice(0, 4));
    expect(page.drafts.map(words)).toEqual(["Ceramic tint is "]);
  });

  it("that somebody else gives anew is said once, wherever the first one stopped", () => {
    for (let cut = 1; cut < ANSWER.length; cut += 1) {
      const anew: Part[] = [ANSWER[0] as Part, { type: "data-reset" }, ...ANSWER.slice(1)];
      const page = hear(open(empty), [...ANSWER.slice(0, cut), ...anew]);
      expect(page).toEqual(hear(open(empty), ANSWER));
    }
  });

  it("whose beginning was not heard is looked for in the history", () => {
    const finish: Part = { type: "finish", messageId: "a-1" };
    expect(hasMissed(open(empty), finish)).toBe(true);
    expect(hasMissed(hear(open(empty), ANSWER.slice(0, 3)), finish)).toBe(false);
    expect(hasMissed(hear(open(empty), ANSWER), finish)).toBe(false);
  });

  it("that is overtaken by a person leaves no half of it", () => {
    const joined: Part = { type: "data-handoff", data: { state: "joined", name: "Sam" } };
    expect(hear(open(empty), [...ANSWER.slice(0, 4), joined]).drafts).toEqual([]);
  });

  it("that was stopped is gone", () => {
    const page = hear(open(empty), [...ANSWER.slice(0, 5), { type: "abort", messageId: "a-1" }]);
    expect(page).toEqual(open(empty));
  });

  it("that the history has already is not taken twice", () => {
    const page = hear(open({ ...empty, turns: [turn("a-1", 2)] }), ANSWER);
    expect(page.turns).toHaveLength(1);
  });
});

describe("what the customer says", () => {
  const mine = { id: "m-1", words: "words of c-1" };
  const echo: Part = { type: "data-turn", data: turn("c-1") };

  it("is shown once, whether the answer to the request or the stream is faster", () => {
    const first = confirmed(heard(said(open(empty), mine), echo, AT), "m-1", "c-1", AT);
    const second = heard(confirmed(said(open(empty), mine), "m-1", "c-1", AT), echo, AT);
    for (const page of [first, second]) {
      expect(page.unsent).toEqual([]);
      expect(page.turns.map((each) => each.id)).toEqual(["c-1"]);
    }
  });

  it("waits for a person without a sign that the assistant writes", () => {
    const held = heard(open(empty), { type: "data-handoff", data: { state: "joined", name: "Sam" } }, AT);
    expect(confirmed(said(held, mine), "m-1", "c-1", AT).phase).toBeNull();
    expect(confirmed(said(open(empty), mine), "m-1", "c-1", AT).phase).toBe("thinking");
  });

  it("stays when the stream has lost the thread", () => {
    const page = resynced(said(hear(open(empty), ANSWER.slice(0, 4)), mine), { ...empty, turns: [turn("a-1", 1)] });
    expect(page.unsent).toEqual([mine]);
    expect(page.drafts).toEqual([]);
    expect(page.turns.map((each) => each.id)).toEqual(["a-1"]);
  });
});

describe("what was said before", () => {
  it("comes in front, and stays when the newest is read anew", () => {
    const newest: History = { ...empty, turns: [turn("3", 3), turn("4", 4)], before: 3 };
    const all = withEarlier(open(newest), { ...empty, turns: [turn("1", 1), turn("2", 2)] });
    expect(all.turns.map((each) => each.id)).toEqual(["1", "2", "3", "4"]);
    expect(all.before).toBeNull();
    const again = resynced(all, { ...newest, turns: [turn("3", 3), turn("4", 4), turn("5", 5)] });
    expect(again.turns.map((each) => each.id)).toEqual(["1", "2", "3", "4", "5"]);
    expect(again.before).toBeNull();
  });
});

describe("a booking", () => {
  const booking = (appointment: string, state: BookingCard["state"]): Part => {
    const card: BookingCard = { kind: "booking", appointment, state, zone: "UTC", starts_at: AT, ends_at: AT };
    return { type: "data-turn", data: { ...turn(`${appointment}-${state}`), said_by: "assistant", cards: [card] } };
  };

  it("can be called off while it is the one that counts", () => {
    const page = hear(open(empty), [booking("1", "booked")]);
    expect(isCurrent(page, "1")).toBe(true);
    expect(isCurrent(hear(page, [booking("1", "cancelled")]), "1")).toBe(false);
    const moved = hear(page, [booking("2", "booked")]);
    expect([isCurrent(moved, "1"), isCurrent(moved, "2")]).toEqual([false, true]);
  });
});
