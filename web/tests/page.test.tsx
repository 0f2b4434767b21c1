// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CardView, type Shown } from "../src/cards.js";
import { ChatPage } from "../src/page.js";
import { price, WORDS } from "../src/say.js";
import type { Card, Language, SlotsCard, Start } from "../src/wire.js";

const NOW = Date.parse("2026-03-09T15:00:00Z");
const SLOTS: SlotsCard = {
  kind: "slots",
  service: null,
  zone: "America/New_York",
  slots: [
    { hold: "h-2", starts_at: "2026-03-11T13:00:00Z", ends_at: "2026-03-11T15:00:00Z" },
    { hold: "h-1", starts_at: "2026-03-10T13:30:00Z", ends_at: "2026-03-10T15:30:00Z" },
  ],
  held_until: "2026-03-09T15:10:00Z",
};

function draw(card: Card, acts: Partial<Shown["acts"]> = {}, language: Language = "en", isNewest = true) {
  const root = document.body.appendChild(document.createElement("div"));
  const shown: Shown = {
    words: WORDS[language],
    language,
    acts: { say: vi.fn(), book: vi.fn(async () => undefined), callOff: vi.fn(async () => undefined), calendarOf: (id) => `/calendar/${id}`, ...acts },
    now: () => NOW,
  };
  const state = { isNewestOffer: () => isNewest, isCurrent: () => true };
  void act(() => render(<CardView card={card} state={state} shown={shown} />, root));
  const press = (label: string) => {
    const button = [...root.querySelectorAll("button")].find((each) => each.textContent?.includes(label));
    expect(button, label).toBeDefined();
    return act(async () => button?.click());
  };
  return { root, shown, press };
}

afterEach(() => document.body.replaceChildren());

describe("times", () => {
  it("are those of the shop's clock, by day, and booking takes two presses", async () => {
    const { root, shown, press } = draw(SLOTS);
    expect([...root.querySelectorAll("legend")].map((each) => each.textContent)).toEqual(["Tuesday, March 10", "Wednesday, March 11"]);
    await press("9:30");
    expect(shown.acts.book).not.toHaveBeenCalled();
    await press("Book Tue, Mar 10");
    expect(shown.acts.book).toHaveBeenCalledWith("h-1");
  });

  it("that are not kept any more cannot be pressed, and new ones are a press away", async () => {
    const { root, shown, press } = draw({ ...SLOTS, held_until: "2026-03-09T14:59:00Z" });
    expect([...root.querySelectorAll("fieldset")].every((each) => each.disabled)).toBe(true);
    await press("Show free times again");
    expect(shown.acts.say).toHaveBeenCalledWith("What times are free?");
  });

  it("that were offered before others are not offered any more", () => {
    const { root } = draw(SLOTS, {}, "en", false);
    expect(root.textContent).toBe("");
  });
});

describe("a booking", () => {
  const booking: Card = {
    kind: "booking",
    appointment: "a-1",
    zone: "America/New_York",
    state: "booked",
    starts_at: "2026-03-10T13:30:00Z",
    ends_at: "2026-03-10T15:30:00Z",
  };

  it("is called off only by whoever says so twice", async () => {
    const { shown, press } = draw(booking);
    await press("Call it off");
    expect(shown.acts.callOff).not.toHaveBeenCalled();
    await press("Keep it");
    await press("Call it off");
    await press("Yes");
    expect(shown.acts.callOff).toHaveBeenCalledWith("a-1");
  });

  it("is said in Spanish to whoever speaks it", () => {
    expect(draw(booking, {}, "es").root.textContent).toContain("martes");
  });
});

describe("a price", () => {
  it("has its cents when there are any, and says what is in it", () => {
    expect([price(49900, "en"), price(49950, "en")]).toEqual(["$499", "$499.50"]);
    const card: Card = { kind: "price", service: "s", name: "<b>Ceramic</b>", price_cents: 49900, tax: "not_included", is_bookable: false };
    const { root } = draw(card);
    expect(root.textContent).toContain("<b>Ceramic</b>");
    expect(root.textContent).toContain("plus tax");
    expect(root.querySelector("button")).toBeNull();
  });
});

describe("the page", () => {
  const start: Start = {
    lead: "l-1",
    now: new Date(NOW).toISOString(),
    wall: new Date(NOW).toISOString(),
    context: {
      shop: { name: "Sample Tint", phone: "+18135550100", phone_shown: "(813) 555-0100", address: "", hours: "", zone: "America/New_York" },
      language: "en",
      vehicle: "",
      service: "",
      booked: [],
    },
    history: { turns: [], before: null, as_of: "0-0", is_answering: false, held_by: null },
  };

  it("says that it is an assistant, in the language that is chosen, and that there is no connection", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new Error("no network")));
    const root = document.body.appendChild(document.createElement("div"));
    await act(async () => render(<ChatPage start={start} />, root));
    expect(root.textContent).toContain("automated assistant");
    const other = [...root.querySelectorAll("button")].find((each) => each.textContent === "Español");
    await act(async () => other?.click());
    expect(root.textContent).toContain("asistente automático");
    expect(document.documentElement.lang).toBe("es");
    await vi.waitFor(() => expect(root.querySelector("[role=status]")?.textContent).toContain("Sin conexión"));
    await act(async () => render(null, root));
    vi.unstubAllGlobals();
  });
});
