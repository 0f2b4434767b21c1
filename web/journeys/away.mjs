// The network goes away while somebody writes, then the server does; the page is read anew with something unsent; a second tab is open all
// along.

import assert from "node:assert/strict";
import { ask, open, picture, say, settled, travel, turns, visit } from "./phone.mjs";

await travel(async ({ link }) => {
  const { browser, context, page } = await open(link);
  await page.getByText("automated assistant").waitFor();
  const second = await visit(context, link);
  await second.getByText("automated assistant").waitFor();

  await say(page, "What are your hours?");
  await settled(page, 2);
  await settled(second, 2);
  assert.deepEqual(await turns(second), await turns(page), "both tabs show the same");

  await context.setOffline(true);
  await say(page, "How much is ceramic tint?");
  await page.locator(".status.away").waitFor();
  await picture(page, "1-no-network");
  assert.equal(await page.locator(".unsent").count(), 1, "what was written is there");
  await context.setOffline(false);
  await settled(page, 4);
  await settled(second, 4);
  assert.deepEqual(await turns(second), await turns(page));

  await ask("let nobody answer");
  await say(page, "Where are you?");
  await page.locator(".unsent").waitFor();
  await page.locator(".status.away").waitFor();
  await ask("answer again");
  await settled(page, 6);
  await settled(second, 6);

  // It does not arrive, and the page is read anew: it is said again, and once.
  await page.route("**/message", (route) => route.abort());
  await say(page, "Thank you!");
  await page.locator(".unsent").waitFor();
  await page.unroute("**/message");
  await page.reload();
  await settled(page, 8);
  await settled(second, 8);
  assert.deepEqual(await turns(second), await turns(page));
  assert.deepEqual([...page.complaints, ...second.complaints], []);
  await browser.close();
});
