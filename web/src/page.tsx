/** The conversation on a phone. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { CardView, type CardState, type Shown } from "./cards.js";
import { isCurrent, newestOffer, words as wordsOf } from "./conversation.js";
import { timeAt, WORDS, type Words } from "./say.js";
import { type Talk, useConversation } from "./use_conversation.js";
import type { Card, Language, SaidBy, Start } from "./wire.js";

const LONGEST_WORDS = 2000;
/** Whoever has scrolled further up than this reads something, and is left there. */
const NEAR_THE_END_PX = 120;

interface BubbleProps {
  by: SaidBy;
  who: string;
  words: string;
  at?: string;
  cards?: Card[];
  note?: string;
  /** More of it is on its way. */
  isGrowing?: boolean;
  state: CardState;
  shown: Shown;
  zone: string;
}

function Bubble({ by, who, words, at, cards = [], note, isGrowing = false, state, shown, zone }: BubbleProps) {
  return (
    <li class={by} aria-busy={isGrowing}>
      <p class="who">
        {who}
        {at && <time dateTime={at}> · {timeAt(at, zone, shown.language)}</time>}
      </p>
      {words && <p class="words">{words}</p>}
      {cards.map((card, place) => (
        <CardView key={place} card={card} state={state} shown={shown} />
      ))}
      {note && <p class="note">{note}</p>}
    </li>
  );
}

function Composer({ words, isAnswering, talk, autoFocus }: { words: Words; isAnswering: boolean; talk: Talk; autoFocus: boolean }) {
  const [text, setText] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  const isOver = talk.line === "over";
  const send = () => {
    if (text.trim() === "") return;
    talk.say(text.trim());
    setText("");
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // A word that is being composed, as with an accent, ends with the same key.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  };
  useEffect(() => {
    if (autoFocus) field.current?.focus();
  }, []);
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        ref={field}
        rows={1}
        value={text}
        maxLength={LONGEST_WORDS}
        placeholder={words.placeholder}
        aria-label={words.placeholder}
        enterkeyhint="send"
        disabled={isOver}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {isAnswering && text === "" ? (
        <button type="button" onClick={() => talk.stop()}>
          {words.stop}
        </button>
      ) : (
        <button class="main" disabled={isOver || text.trim() === ""}>
          {words.send}
        </button>
      )}
    </form>
  );
}

/** What happens that is in no turn, on one line above the field. */
function statusOf(talk: Talk, words: Words): { text: string; kind: "typing" | "away" | "over" | "person" | "" } {
  const { conversation, line, isSendingSlow } = talk;
  if (line === "over") return { text: words.over, kind: "over" };
  if (line === "away" || isSendingSlow) return { text: words.away, kind: "away" };
  if (conversation.heldBy !== null) return { text: words.isHere(conversation.heldBy), kind: "person" };
  if (conversation.phase === "looking_up") return { text: words.lookingUp, kind: "typing" };
  if (conversation.phase === "thinking") return { text: words.typing, kind: "typing" };
  return { text: "", kind: "" };
}

export function ChatPage({ start }: { start: Start }) {
  const [language, setLanguage] = useState<Language>(start.context.language);
  const talk = useConversation(start, language);
  const { conversation } = talk;
  const words = WORDS[language];
  const { shop } = start.context;
  const wallAhead = useRef(Date.parse(start.wall) - Date.now());
  const acts = { say: talk.say, book: talk.book, callOff: talk.callOff, calendarOf: talk.calendarOf };
  const shown: Shown = { words, language, acts, now: () => Date.now() + wallAhead.current };
  const offer = newestOffer(conversation);
  const state: CardState = { isNewestOffer: (card) => card === offer, isCurrent: (id) => isCurrent(conversation, id) };

  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);

  const log = useRef<HTMLElement>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const toEnd = () => void log.current?.scrollTo({ top: log.current.scrollHeight });
  useLayoutEffect(() => {
    if (isAtEnd) toEnd();
  }, [conversation, language]);
  const onScroll = () => {
    const box = log.current;
    if (box) setAtEnd(box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_THE_END_PX);
  };

  const names: Record<SaidBy, string> = { customer: words.you, assistant: words.assistant, person: shop.name };
  const status = statusOf(talk, words);
  const newest = conversation.turns.findLast((turn) => turn.said_by !== "customer");
  const isNew = conversation.turns.length + conversation.drafts.length + conversation.unsent.length === 0;
  const isAnswering = conversation.drafts.length > 0 || conversation.phase !== null;
  return (
    <>
      <header>
        <h1>{shop.name}</h1>
        <a class="call" href={`tel:${shop.phone}`} aria-label={`${words.call} ${shop.phone_shown}`}>
          {words.call}
        </a>
        <button type="button" class="quiet" lang={language === "en" ? "es" : "en"} onClick={() => setLanguage(language === "en" ? "es" : "en")}>
          {words.other}
        </button>
      </header>
      <main ref={log} onScroll={onScroll} tabIndex={-1}>
        {conversation.before !== null && (
          <button type="button" class="quiet earlier" onClick={() => void talk.showEarlier()}>
            {words.earlier}
          </button>
        )}
        <ol>
          {isNew && (
            <li class="assistant">
              <p class="who">{words.assistant}</p>
              <p class="words">{words.greeting(shop.name)}</p>
              <div class="times starts">
                {words.starts.map((start) => (
                  <button type="button" key={start} onClick={() => talk.say(start)}>
                    {start}
                  </button>
                ))}
              </div>
            </li>
          )}
          {conversation.turns.map((turn) => (
            <Bubble
              key={turn.id}
              by={turn.said_by}
              who={turn.name ?? names[turn.said_by]}
              words={turn.words}
              at={turn.said_at}
              cards={turn.cards}
              state={state}
              shown={shown}
              zone={shop.zone}
            />
          ))}
          {conversation.unsent.map((unsent) => (
            <li key={unsent.id} class="customer unsent">
              <p class="who">{words.you}</p>
              <p class="words">{unsent.words}</p>
              <p class="note" role={unsent.refused === undefined ? undefined : "alert"}>
                {unsent.refused === undefined ? words.sending : `${words.notSent}. ${unsent.refused}`}
                {unsent.refused !== undefined && (
                  <button type="button" class="quiet" onClick={() => talk.remove(unsent.id)}>
                    {words.remove}
                  </button>
                )}
              </p>
            </li>
          ))}
          {conversation.drafts.map((draft, place) => (
            <Bubble
              key={`${draft.answer}-${place}`}
              by="assistant"
              who={words.assistant}
              words={wordsOf(draft)}
              cards={draft.cards}
              isGrowing
              state={state}
              shown={shown}
              zone={shop.zone}
            />
          ))}
        </ol>
        <p class="note leave">
          <a href={location.pathname.replace("/c/", "/u/")}>{words.leave}</a>
        </p>
        {!isAtEnd && (
          <button type="button" class="newest" onClick={toEnd}>
            {words.newest}
          </button>
        )}
      </main>
      <footer>
        {/* One line that a screen reader hears: what happens, and each answer once it is whole. */}
        <p class={`status ${status.kind}`} role="status">
          {status.text}
        </p>
        <p class="heard" role="log" aria-live="polite">
          {newest ? `${newest.name ?? names[newest.said_by]}: ${newest.words}` : ""}
        </p>
        <Composer words={words} isAnswering={isAnswering} talk={talk} autoFocus={matchMedia("(pointer: fine)").matches} />
      </footer>
    </>
  );
}
