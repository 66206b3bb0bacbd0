// The editor's page: the canvas with the server's cards, its wires kept in memory.
import "./canvas/bench";
