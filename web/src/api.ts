/** Requests to one conversation. What fails because of the way there is tried again; what the server refuses is told. */

import type { BookingCard, History } from "./wire.js";

/** The server's words for what was wrong (RFC 9457), and whether the same request may work later. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly retry: boolean,
  ) {
    super(detail);
  }
}

const LONGEST_PAUSE_MS = 10_000;
const REQUEST_MS = 15_000;

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

async function ask<T>(url: string, body?: unknown): Promise<T> {
  const init: RequestInit = { signal: AbortSignal.timeout(REQUEST_MS) };
  if (body !== undefined) {
    init.method = "POST";
    init.headers = { "content-type": "application/json" };
    init.body = JSON.stringify(body);
  }
  const response = await fetch(url, init);
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string; retry?: boolean };
  const retry = problem.retry ?? response.status >= 500;
  throw new Refused(response.status, problem.code ?? "", problem.detail ?? "", retry);
}

/** Until it has arrived or was refused: the server takes the same thing once. `away` is told that it takes longer. */
async function insist<T>(url: string, body: unknown, away: () => void): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask<T>(url, body);
    } catch (error) {
      if (error instanceof Refused && !error.retry) throw error;
      away();
      await pause(Math.min(400 * 2 ** attempt, LONGEST_PAUSE_MS));
    }
  }
}

export class Api {
  constructor(readonly base: string) {}

  say(id: string, words: string, language: string, away: () => void): Promise<{ turn: string; answer: string }> {
    return insist(`${this.base}/message`, { id, words, language }, away);
  }

  history(before?: number): Promise<History> {
    return ask(`${this.base}/history${before === undefined ? "" : `?before=${before}`}`);
  }

  /** Until it is there: without it something would be missing for good. */
  async insistOnHistory(): Promise<History> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.history();
      } catch (error) {
        if (error instanceof Refused && !error.retry) throw error;
        await pause(Math.min(400 * 2 ** attempt, LONGEST_PAUSE_MS));
      }
    }
  }

  stop(): Promise<void> {
    return ask(`${this.base}/stop`, {});
  }

  book(hold: string, away: () => void): Promise<{ booking: BookingCard }> {
    return insist(`${this.base}/book`, { hold }, away);
  }

  cancel(appointment: string, away: () => void): Promise<{ booking: BookingCard }> {
    return insist(`${this.base}/cancel`, { appointment }, away);
  }
}
