/**
 * What the server counts, in Prometheus' text form (version 0.0.4): counters, gauges and histograms, each with its labels.
 *
 * @module
 */

/** Labels of a series, by their names. */
export type Labels = Readonly<Record<string, string>>;

/** One metric: its series by their labels as text. */
abstract class Metric {
  constructor(readonly name: string, readonly help: string, readonly type: string) {}

  /** Lines `name{labels} value`. */
  protected abstract samples(): string[];

  /** All of it, with its head. */
  text(): string {
    return [`# HELP ${this.name} ${this.help}`, `# TYPE ${this.name} ${this.type}`, ...this.samples()].join(
      "\n",
    );
  }
}

/** Only grows. */
export class Counter extends Metric {
  #values = new Map<string, number>();

  /** A counter without series. @param name ends in `_total` */
  constructor(name: string, help: string) {
    super(name, help, "counter");
  }

  /** Adds to a series. */
  add(labels: Labels = {}, by = 1): void {
    const key = labelText(labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + by);
  }

  protected override samples(): string[] {
    return [...this.#values].map(([labels, value]) => `${this.name}${labels} ${value}`);
  }
}

/** What something is at the moment, asked when it is to be told. */
class Gauge extends Metric {
  /** @param read the series there are now, with their values */
  constructor(name: string, help: string, private readonly read: () => Iterable<[Labels, number]>) {
    super(name, help, "gauge");
  }

  protected override samples(): string[] {
    return [...this.read()].map(([labels, value]) => `${this.name}${labelText(labels)} ${value}`);
  }
}

/** How often values are at most as large as each of some bounds. */
export class Histogram extends Metric {
  #series = new Map<string, { labels: Labels; counts: number[]; sum: number; count: number }>();

  /** A histogram without series. @param bounds rising; infinity is added */
  constructor(name: string, help: string, private readonly bounds: readonly number[]) {
    super(name, help, "histogram");
  }

  /** Takes a value into a series. */
  observe(value: number, labels: Labels = {}): void {
    const key = labelText(labels);
    const series = this.#series.get(key) ?? { labels, counts: this.bounds.map(() => 0), sum: 0, count: 0 };
    this.#series.set(key, series);
    this.bounds.forEach((bound, i) => series.counts[i] += Number(value <= bound));
    series.sum += value;
    series.count++;
  }

  protected override samples(): string[] {
    return [...this.#series.values()].flatMap(({ labels, counts, sum, count }) => [
      ...this.bounds.map((le, i) =>
        `${this.name}_bucket${labelText({ ...labels, le: `${le}` })} ${counts[i]}`
      ),
      `${this.name}_bucket${labelText({ ...labels, le: "+Inf" })} ${count}`,
      `${this.name}_sum${labelText(labels)} ${sum}`,
      `${this.name}_count${labelText(labels)} ${count}`,
    ]);
  }
}

/** `{a="b"}`, empty for none. */
function labelText(labels: Labels): string {
  const escaped = (text: string): string =>
    text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return parts.length > 0 ? `{${parts.join(",")}}` : "";
}

/** All that one server counts. */
export class Metrics {
  readonly requests: Counter = new Counter("adtr_requests_total", "Answered requests by route and status.");
  readonly seconds: Histogram = new Histogram(
    "adtr_request_seconds",
    "Seconds from a request's arrival to its answer, by route.",
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  );
  readonly images: Counter = new Counter(
    "adtr_images_total",
    "Scored images by model and label (none: the model has no threshold).",
  );
  readonly refused: Counter = new Counter(
    "adtr_image_errors_total",
    "Images that could not be scored, by model.",
  );
  readonly batches: Histogram = new Histogram(
    "adtr_batch_images",
    "Images that were scored together, by model.",
    [1, 2, 4, 8, 16, 32, 64],
  );
  readonly batchSeconds: Histogram = new Histogram(
    "adtr_batch_seconds",
    "Seconds that images took that were scored together, by model.",
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  );
  readonly reloads: Counter = new Counter(
    "adtr_model_reloads_total",
    "Changed model files by model and outcome.",
  );
  readonly failures: Counter = new Counter(
    "adtr_gpu_failures_total",
    "How often the GPU had to be opened again.",
  );
  readonly queue: Gauge;

  /** @param queues images that wait or are being scored, by model */
  constructor(queues: () => Iterable<[Labels, number]>) {
    this.queue = new Gauge("adtr_queue_images", "Images that wait or are being scored, by model.", queues);
  }

  /** The page that Prometheus reads. */
  text(): string {
    const { requests, seconds, images, refused, batches, batchSeconds, queue, reloads, failures } = this;
    const all = [requests, seconds, images, refused, batches, batchSeconds, queue, reloads, failures];
    return all.map((metric) => metric.text()).join("\n") + "\n";
  }
}
