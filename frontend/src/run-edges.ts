// What a run makes of the wires, from the states of the nodes at their ends.

/** How a wire leaves its source: by one of several ports, by that for failures, or past it. */
export interface WayOn {
  forks: boolean;
  afterFailure: boolean;
  /** The source is disabled, and this is the port by which the flow goes on behind it. */
  passes: boolean;
}

/** A guess until the run ends: which port was taken shows only by what starts or is skipped. */
export function flowOf(source: string, target: string, edge: WayOn): string {
  // Behind a disabled node the run goes on as behind one that succeeded.
  const passes = source === "skipped" && edge.passes;
  if ((source === "skipped" && !passes) || source === "cancelled" || target === "skipped") return "dead";
  if (source !== "succeeded" && source !== "failed" && !passes) return "";
  if (target === "running" || target === "waiting") return "active";
  if (passes) return target === "pending" || target === "unreached" ? "" : "live";
  const wayOn = source === "succeeded" || edge.afterFailure;
  if (!wayOn && (target === "pending" || target === "unreached")) return "broken";
  if (target === "pending") return source === "succeeded" && edge.forks ? "" : "live";
  return "live";
}

function setFlow(edge: Element, flow: string): void {
  if (edge.getAttribute("data-flow") === flow) return;
  if (flow) edge.setAttribute("data-flow", flow);
  else edge.removeAttribute("data-flow");
}

export function drawEdges(root: HTMLElement, states: ReadonlyMap<string, string>): void {
  for (const edge of root.querySelectorAll(".edge")) {
    const source = states.get(edge.getAttribute("data-source") ?? "") ?? "pending";
    const target = states.get(edge.getAttribute("data-target") ?? "") ?? "pending";
    const way = {
      forks: edge.hasAttribute("data-forks"),
      afterFailure: edge.hasAttribute("data-after-failure"),
      passes: edge.hasAttribute("data-passes"),
    };
    setFlow(edge, flowOf(source, target, way));
  }
}

/** The server's own word on every wire. */
export function setEdges(root: HTMLElement, flows: Record<string, string>): void {
  for (const [id, flow] of Object.entries(flows)) {
    const edge = root.querySelector(`#${CSS.escape(id)}`);
    if (edge) setFlow(edge, flow);
  }
}
