/** What was written and has not arrived, kept over a reload and for another tab: it is said again under the same id. */

import type { Unsent } from "./conversation.js";

const key = (lead: string) => `unsent:${lead}`;

export function readUnsent(lead: string): Unsent[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key(lead)) ?? "[]");
    return Array.isArray(kept) ? (kept as Unsent[]) : [];
  } catch {
    // A browser that keeps nothing, or something that is not ours.
    return [];
  }
}

export function keepUnsent(lead: string, change: (kept: Unsent[]) => Unsent[]): void {
  const kept = change(readUnsent(lead));
  try {
    if (kept.length > 0) localStorage.setItem(key(lead), JSON.stringify(kept));
    else localStorage.removeItem(key(lead));
  } catch {
    // Then it lives as long as the page does.
  }
}
