/** The conversation as the page has it: what was said, what is on its way, and whether the line is up. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Api, Refused } from "./api.js";
import { type Conversation, confirmed, forgotten, hasMissed, heard, open, refused, resynced, said, withEarlier } from "./conversation.js";
import { Line, type LineState } from "./line.js";
import { keepUnsent, readUnsent } from "./outbox.js";
import type { Part, Start } from "./wire.js";

/** Whoever was away for longer looks whether the line is still one. */
const ASLEEP_AFTER_MS = 5_000;

export interface Talk {
  conversation: Conversation;
  line: LineState;
  isSendingSlow: boolean;
  say(words: string): void;
  remove(id: string): void;
  stop(): void;
  showEarlier(): Promise<void>;
  book(hold: string): Promise<void>;
  callOff(appointment: string): Promise<void>;
  calendarOf(appointment: string): string;
}

export function useConversation(start: Start, language: string): Talk {
  const [conversation, change] = useState(() => open(start.history));
  const [state, show] = useState<LineState>("open");
  const [slow, setSlow] = useState(0);
  const api = useMemo(() => new Api(`../api/chat/${start.lead}`), [start.lead]);
  const line = useRef<Line | null>(null);
  const ahead = useRef(Date.parse(start.now) - Date.now());
  const now = () => new Date(Date.now() + ahead.current).toISOString();

  const resync = async () => {
    const history = await api.insistOnHistory();
    change((before) => resynced(before, history));
    line.current?.goOnFrom(history.as_of);
  };

  useEffect(() => {
    const hear = ({ data }: { data: string }) => {
      const part = JSON.parse(data) as Part;
      if (part.type === "data-resync") void resync();
      else
        change((before) => {
          if (hasMissed(before, part)) void resync();
          return heard(before, part, now());
        });
    };
    const opened = new Line({ url: `${api.base}/stream`, from: start.history.as_of, hear, show });
    line.current = opened;
    opened.reopen();
    let hiddenAt = 0;
    const onVisible = () => {
      if (document.visibilityState === "hidden") hiddenAt = Date.now();
      else if (Date.now() - hiddenAt > ASLEEP_AFTER_MS) opened.reopen();
    };
    const onOnline = () => opened.reopen();
    const onOffline = () => show("away");
    // A page that the browser kept while another was shown has no line any more.
    const onShow = (event: PageTransitionEvent) => {
      if (event.persisted) opened.reopen();
    };
    document.addEventListener("visibilitychange", onVisible);
    window.addEventListener("online", onOnline);
    window.addEventListener("offline", onOffline);
    window.addEventListener("pageshow", onShow);
    return () => {
      document.removeEventListener("visibilitychange", onVisible);
      window.removeEventListener("online", onOnline);
      window.removeEventListener("offline", onOffline);
      window.removeEventListener("pageshow", onShow);
      opened.close();
    };
  }, [start.lead]);

  const send = async (id: string, words: string) => {
    let isSlow = false;
    // Whoever opens the link again says it then.
    let isOver = false;
    const away = () => {
      if (!isSlow) setSlow((count) => count + 1);
      isSlow = true;
    };
    try {
      const { turn } = await api.say(id, words, language, away);
      change((before) => confirmed(before, id, turn, now()));
    } catch (error) {
      isOver = error instanceof Refused && error.code === "no-session";
      if (isOver) show("over");
      change((before) => refused(before, id, error instanceof Refused ? error.message : String(error)));
    }
    if (isSlow) setSlow((count) => count - 1);
    if (!isOver) keepUnsent(start.lead, (kept) => kept.filter((each) => each.id !== id));
  };

  // What was written before the page was closed, and had not arrived.
  useEffect(() => {
    for (const unsent of readUnsent(start.lead)) {
      change((before) => said(before, unsent));
      void send(unsent.id, unsent.words);
    }
  }, [start.lead]);

  return {
    conversation,
    line: state,
    isSendingSlow: slow > 0,
    say(words) {
      const unsent = { id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`, words };
      keepUnsent(start.lead, (kept) => [...kept, unsent]);
      change((before) => said(before, unsent));
      void send(unsent.id, words);
    },
    remove: (id) => change((before) => forgotten(before, id)),
    stop: () => void api.stop().catch(() => undefined),
    async showEarlier() {
      if (conversation.before === null) return;
      const history = await api.history(conversation.before).catch(() => null);
      if (history) change((before) => withEarlier(before, history));
    },
    async book(hold) {
      await api.book(hold, () => undefined);
      void resync();
    },
    async callOff(appointment) {
      try {
        await api.cancel(appointment, () => undefined);
      } catch (error) {
        // It was off already: the first time its answer did not arrive.
        if (!(error instanceof Refused) || error.status !== 409) throw error;
      }
      void resync();
    },
    calendarOf: (appointment) => `${api.base}/calendar?appointment=${appointment}`,
  };
}
