// A flow on a server and people at their editors.
import { Client } from "./client.ts";
import { FakeServer } from "./fake-server.ts";
import { Browser, Clock } from "./fake-world.ts";

const START = {
  name: "Flow",
  nodes: [
    { id: "start", type: "input" },
    { id: "llm", type: "llm", config: { prompt: "Say {{ start.text }}" } },
  ],
  edges: [{ from: "start", to: "llm" }],
};

export class Desk {
  readonly clock = new Clock();
  readonly server = new FakeServer(START);
  readonly browser = new Browser(this.clock, () => 0.5);

  open(browser = this.browser, person = "ada"): Client {
    const client = new Client(this.server, this.clock, browser, person);
    client.link();
    return client;
  }

  /** A page that shows what was. */
  still(): Client {
    return new Client(this.server, this.clock, this.browser, "ada", true);
  }

  other(): Client {
    return this.open(new Browser(this.clock, () => 0.7), "eve");
  }

  kept(): string[] {
    return [...this.browser.items.keys()].filter((name) => name.includes("/change/"));
  }
}
