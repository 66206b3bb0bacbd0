// Does what was asked for at most once in a frame, in the order of the jobs' ranks.

export interface Job {
  rank: number;
  run(): void;
}

export class Frame {
  private readonly asked = new Set<Job>();
  private waiting = 0;

  ask(job: Job): void {
    this.asked.add(job);
    this.waiting ||= requestAnimationFrame(() => this.flush());
  }

  /** Do it now: for what has to be read back at once. */
  flush(): void {
    cancelAnimationFrame(this.waiting);
    this.waiting = 0;
    // A job may ask for later ones; each is done once in this frame.
    while (this.asked.size) {
      const jobs = [...this.asked].sort((a, b) => a.rank - b.rank);
      const next = jobs[0];
      if (!next) return;
      this.asked.delete(next);
      next.run();
    }
  }

  stop(): void {
    cancelAnimationFrame(this.waiting);
    this.asked.clear();
  }
}
