// Opens the link, asks a price, books a time, with replicas killed, the model breaking off, and the page read anew in between.

import assert from "node:assert/strict";
import { ask, open, picture, say, settled, travel, turns } from "./phone.mjs";

await travel(async ({ link }) => {
  const { browser, page } = await open(link);
  await page.getByText("automated assistant").waitFor();
  await picture(page, "1-opened");

  await say(page, "How much is ceramic tint for a full sedan?");
  await settled(page, 2);
  const price = await page.locator(".price .amount").first().innerText();
  assert.match(price, /\$\d/);
  await picture(page, "2-price");

  // Read anew, and its replica killed, while the answer is being said.
  await ask("have the model speak slowly");
  await say(page, "What does ceramic tint for a full sedan cost again?");
  await page.waitForFunction(() => document.querySelectorAll("ol > li").length === 4);
  await page.reload();
  await ask("kill the replica that serves");
  await settled(page, 4);
  assert.equal(await page.locator(".price .amount").last().innerText(), price);

  await ask("have the model break off");
  await say(page, "Can I book that for Tuesday?");
  await page.locator(".slots .times button").first().waitFor();
  await settled(page, 6);
  await picture(page, "3-times");
  const before = await turns(page);
  await page.reload();
  await settled(page, 6);
  assert.deepEqual(await turns(page), before, "what was said is the same after a reload");

  await page.locator(".slots .times button").first().click();
  const book = page.getByRole("button", { name: /^Book / });
  await book.waitFor();
  await picture(page, "4-chosen");
  await ask("kill the replica that serves");
  await book.click();
  await page.locator(".booking.booked").waitFor();
  await settled(page, 7);
  await picture(page, "5-booked");
  await page.reload();
  await settled(page, 7);
  assert.equal(await page.locator(".booking.booked").count(), 1);
  assert.deepEqual(page.complaints, []);
  await browser.close();
});
