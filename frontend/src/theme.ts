// Puts the chosen theme on <html> before the first paint; runs as a classic script.
const root = document.documentElement;

function chosenTheme(): string | null {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null; // storage may be forbidden; then the system's theme is right
  }
}

const chosen = chosenTheme();
const dark = matchMedia("(prefers-color-scheme: dark)");

function applyTheme(): void {
  const theme = root.dataset["theme"];
  const isDark = theme === "dark" || (theme !== "light" && dark.matches);
  root.classList.toggle("dark", isDark);
  root.classList.toggle("light", !isDark);
}

root.classList.add("js");
if (chosen === "light" || chosen === "dark") root.dataset["theme"] = chosen;
applyTheme();
dark.addEventListener("change", applyTheme);
document.addEventListener("flux:theme", applyTheme);

export {};
