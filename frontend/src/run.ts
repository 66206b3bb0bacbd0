// A run's page: follows the run over a WebSocket and keeps what the server drew up to date.
import { Picture } from "./picture";
import { RunPage } from "./run-page";
import { RunSocket } from "./run-socket";
import { tellMaintenance } from "./toasts";

const root = document.querySelector<HTMLElement>("[data-run]");
const graph = document.querySelector<HTMLElement>("[data-graph]");
if (root && graph) {
  const page = new RunPage(root);
  const picture = new Picture(graph);
  page.onStarted = (node) => picture.follow(node);
  if (!("ended" in root.dataset)) {
    const socket = new RunSocket(root.dataset["run"] ?? "", Number(root.dataset["seq"]));
    socket.onFrame = (frame) => {
      page.take(frame);
      if (frame.maintenance !== undefined) tellMaintenance(frame.maintenance, "This run goes on.");
    };
    socket.onLink = (up) => {
      page.showConnection(up);
      if (up) page.live.tell();
    };
    page.live.onOpened = (opened) => socket.say({ opened });
    page.onEnd = () => socket.close();
    socket.open();
  }
}
