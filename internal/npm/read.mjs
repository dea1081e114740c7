// Prints what a feed reader from npm understands of the document on standard input:
// node read.mjs feedsmith|rss-parser. One JSON array of {id, title, link, date}.
import { parseFeed } from "feedsmith";
import Parser from "rss-parser";

const readers = {
  async "rss-parser"(text) {
    const { items } = await new Parser().parseString(text);
    return items.map((e) => ({ id: e.guid ?? e.id, title: e.title, link: e.link, date: e.isoDate }));
  },
  async feedsmith(text) {
    const { format, feed } = parseFeed(text);
    if (format === "json") {
      return feed.items.map((e) => ({ id: e.id, title: e.title, link: e.url, date: e.date_published }));
    }
    if (format === "atom") {
      return feed.entries.map((e) => ({
        id: e.id,
        title: e.title?.value ?? e.title,
        link: e.links.find((l) => l.rel === "alternate")?.href,
        date: e.published,
      }));
    }
    return feed.items.map((e) => ({ id: e.guid?.value, title: e.title?.value ?? e.title, link: e.link, date: e.pubDate }));
  },
};

let text = "";
for await (const chunk of process.stdin.setEncoding("utf8")) text += chunk;
const entries = await readers[process.argv[2]](text);
console.log(JSON.stringify(entries.map((e) => ({ ...e, date: new Date(e.date).toISOString() }))));
