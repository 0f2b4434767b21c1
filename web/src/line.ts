/** The line to the conversation's live log: it comes back by itself, behind what it has, after sleep, another network, or an outage. */

import { type Event, EventReader } from "./events.js";

export type LineState = "open" | "away" | "over";

/** Heartbeats come every fifteen seconds; one that was missed may be late, two are a dead line. */
const SILENT_FOR_MS = 35_000;
const LONGEST_PAUSE_MS = 15_000;

export interface LineOptions {
  url: string;
  /** Where the page begins: `as_of` of the history. */
  from: string;
  hear: (event: Event) => void;
  show: (state: LineState) => void;
  fetch?: typeof fetch;
}

export class Line {
  private last: string;
  private attempt = 0;
  private isClosed = false;
  private request: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: LineOptions) {
    this.last = options.from;
  }

  /** Goes on from here: the history has all that came before. */
  goOnFrom(position: string): void {
    this.last = position;
    this.reopen();
  }

  /** The network may be another one, or the phone has slept: whatever was open may be dead without anybody's noticing. */
  reopen(): void {
    if (this.isClosed) return;
    this.attempt = 0;
    void this.open();
  }

  close(): void {
    this.isClosed = true;
    this.request?.abort();
    clearTimeout(this.timer);
  }

  private async open(): Promise<void> {
    this.request?.abort();
    clearTimeout(this.timer);
    const request = new AbortController();
    this.request = request;
    const isOurs = () => this.request === request && !this.isClosed;
    let watch: ReturnType<typeof setTimeout> | undefined;
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(() => request.abort(), SILENT_FOR_MS);
    };
    alive();
    let afterMs: number | undefined;
    try {
      const url = `${this.options.url}?last_event_id=${encodeURIComponent(this.last)}`;
      const response = await (this.options.fetch ?? fetch)(url, { signal: request.signal, cache: "no-store" });
      if (response.status === 401 || response.status === 403) {
        this.close();
        this.options.show("over");
        return;
      }
      if (!response.ok || !response.body) throw new Error(`the stream answered ${response.status}`);
      const body = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const reader = new EventReader((event) => {
        // Whoever took over has their own reader; what this one still has was asked for again.
        if (!isOurs()) return;
        if (event.id) this.last = event.id;
        this.options.hear(event);
      });
      for (;;) {
        const { done, value } = await body.read();
        if (done || !isOurs()) break;
        alive();
        this.attempt = 0;
        this.options.show("open");
        reader.push(value);
      }
      // A stream that ends as it should is opened again at once.
      afterMs = 200;
    } catch {
      // Away: the same as a line that went dead.
    } finally {
      clearTimeout(watch);
    }
    if (!isOurs()) return;
    if (afterMs === undefined) this.options.show("away");
    this.attempt += 1;
    const pause = afterMs ?? Math.min(500 * 2 ** this.attempt, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
    this.timer = setTimeout(() => void this.open(), pause);
  }
}
