// A flow's page: the picture.
import { Picture } from "./picture";

for (const element of document.querySelectorAll<HTMLElement>("[data-graph]")) new Picture(element);
