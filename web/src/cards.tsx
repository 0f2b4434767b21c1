/** What is drawn beside words: prices, times to choose from, bookings. Whoever presses decides; nothing here is read out of words. */

import { useEffect, useState } from "preact/hooks";
import { Refused } from "./api.js";
import { dayAt, price, taxWords, timeAt, whenAt, type Words } from "./say.js";
import type { BookingCard, Card, Language, PriceCard, Slot, SlotsCard } from "./wire.js";

export interface Acts {
  say(words: string): void;
  book(hold: string): Promise<void>;
  callOff(appointment: string): Promise<void>;
  /** Where the file for a calendar is. */
  calendarOf(appointment: string): string;
}

export interface Shown {
  words: Words;
  language: Language;
  acts: Acts;
  /** The server's clock, in ms. */
  now(): number;
}

function PriceView({ card, shown }: { card: PriceCard; shown: Shown }) {
  const { words, language, acts } = shown;
  const tax = taxWords(card.tax, words);
  return (
    <section class="card price">
      <h3>{card.name}</h3>
      <p class="amount">
        {price(card.price_cents, language)} {tax && <small>{tax}</small>}
      </p>
      {card.is_bookable && (
        <button type="button" class="quiet" onClick={() => acts.say(words.askTimes(card.name))}>
          {words.freeTimes}
        </button>
      )}
    </section>
  );
}

/** In the order of their days, each day with its times. */
export function byDay<T extends Slot>(slots: T[], zone: string, language: Language): [string, T[]][] {
  const days = new Map<string, T[]>();
  for (const slot of [...slots].sort((a, b) => a.starts_at.localeCompare(b.starts_at))) {
    const day = dayAt(slot.starts_at, zone, language);
    days.set(day, [...(days.get(day) ?? []), slot]);
  }
  return [...days];
}

function SlotsView({ card, isNewest, shown }: { card: SlotsCard; isNewest: boolean; shown: Shown }) {
  const { words, language, acts, now } = shown;
  const [chosen, choose] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const [isKept, setKept] = useState(Date.parse(card.held_until) > now());
  useEffect(() => {
    const left = Date.parse(card.held_until) - now();
    setKept(left > 0);
    const timer = setTimeout(() => setKept(false), Math.max(0, left));
    return () => clearTimeout(timer);
  }, [card.held_until]);

  const book = async (hold: string) => {
    setBusy(true);
    setProblem("");
    try {
      await acts.book(hold);
    } catch (error) {
      setProblem(error instanceof Refused && error.status === 409 ? words.slotGone : words.failed);
    }
    setBusy(false);
  };

  // What was offered before is of no use, and in the way of whoever looks for what is.
  if (!isNewest || card.slots.length === 0) return null;
  const picked = card.slots.find((slot) => slot.hold === chosen);
  return (
    <section class="card slots" aria-label={words.chooseTime}>
      {byDay(card.slots, card.zone, language).map(([day, slots]) => (
        <fieldset key={day} disabled={!isKept || isBusy}>
          <legend>{day}</legend>
          <div class="times">
            {slots.map((slot) => (
              <button type="button" key={slot.hold} aria-pressed={slot.hold === chosen} onClick={() => choose(slot.hold)}>
                {timeAt(slot.starts_at, card.zone, language)}
              </button>
            ))}
          </div>
        </fieldset>
      ))}
      {picked && isKept && (
        <button type="button" class="main" disabled={isBusy} onClick={() => void book(picked.hold)}>
          {isBusy ? words.booking : words.book(whenAt(picked.starts_at, card.zone, language))}
        </button>
      )}
      {problem && <p role="alert">{problem}</p>}
      {isKept ? (
        <p class="note">{words.keptUntil(timeAt(card.held_until, card.zone, language))}</p>
      ) : (
        <p class="note">{words.notKept}</p>
      )}
      {(!isKept || problem) && (
        <button type="button" class="quiet" onClick={() => acts.say(words.askAgainWords)}>
          {words.askAgain}
        </button>
      )}
    </section>
  );
}

function BookingView({ card, isCurrent, shown }: { card: BookingCard; isCurrent: boolean; shown: Shown }) {
  const { words, language, acts } = shown;
  const [step, setStep] = useState<"shown" | "sure" | "busy" | "failed">("shown");
  const callOff = async () => {
    setStep("busy");
    try {
      await acts.callOff(card.appointment);
      setStep("shown");
    } catch {
      setStep("failed");
    }
  };
  const isBooked = card.state === "booked";
  return (
    <section class={`card booking ${card.state}`}>
      <h3>{isBooked ? words.booked : words.calledOff}</h3>
      <p class="amount">{dayAt(card.starts_at, card.zone, language)}</p>
      <p>{timeAt(card.starts_at, card.zone, language)}</p>
      {isBooked && isCurrent && (
        <a class="quiet" href={acts.calendarOf(card.appointment)} download>
          {words.calendar}
        </a>
      )}
      {isBooked && isCurrent && step !== "sure" && (
        <button type="button" class="quiet" disabled={step === "busy"} onClick={() => setStep("sure")}>
          {step === "busy" ? words.callingOff : words.callOff}
        </button>
      )}
      {isBooked && isCurrent && step === "sure" && (
        <div class="times">
          <button type="button" class="danger" onClick={() => void callOff()}>
            {words.callOffSure}
          </button>
          <button type="button" onClick={() => setStep("shown")}>
            {words.keep}
          </button>
        </div>
      )}
      {step === "failed" && <p role="alert">{words.failed}</p>}
    </section>
  );
}

export interface CardState {
  isNewestOffer(card: Card): boolean;
  isCurrent(appointment: string): boolean;
}

export function CardView({ card, state, shown }: { card: Card; state: CardState; shown: Shown }) {
  switch (card.kind) {
    case "price":
      return <PriceView card={card} shown={shown} />;
    case "slots":
      return <SlotsView card={card} isNewest={state.isNewestOffer(card)} shown={shown} />;
    case "booking":
      return <BookingView card={card} isCurrent={state.isCurrent(card.appointment)} shown={shown} />;
  }
}
