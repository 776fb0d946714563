/**
 * A server whose models are made up: an image's score is its first byte, its map its red values, and what goes wrong is
 * arranged.
 *
 * @module
 */
import { encodePng, type Image } from "../../src/data/image.ts";
import { InputError } from "../../src/errors.ts";
import { GpuError } from "../../src/gpu/error.ts";
import type { Backend, Device, Served } from "../../src/serve/models.ts";
import { type ServeOptions, Server } from "../../src/serve/server.ts";

/** Side of made-up maps. */
export const SIDE = 8;
/** Above it a made-up model finds something anomalous. */
export const THRESHOLD = 100;

/** A picture whose pixels all have one value, but for a square in its upper left corner. */
export function square(value: number, corner = value, width = SIDE, height = SIDE): Image {
  const data = new Uint8Array(3 * width * height).fill(value);
  for (let y = 0; y < 2; y++) data.fill(corner, 3 * y * width, 3 * (y * width + 2));
  return { width, height, data };
}

/** The same as a PNG file. */
export function png(...of: Parameters<typeof square>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encodePng(square(...of)));
}

/** Devices, files and models that do as they are told. */
export class FakeBackend implements Backend<Device & { lost: boolean }> {
  /** What is on the disk: a model's threshold by its path; null for a file that is no model. */
  files = new Map<string, number | null>();
  /** Changes that `stamp` tells of, by path. */
  stamps = new Map<string, number>();
  devices: (Device & { lost: boolean; closed: boolean })[] = [];
  /** Whether no device can be had. */
  noDevice = false;
  /** Awaited by every batch. */
  hold: Promise<void> = Promise.resolve();
  /** Thrown by the next batch. */
  next: Error | null = null;
  /** Score of images that the model refuses. */
  refused = -1;
  batches: number[] = [];
  disposed = 0;
  maps = true;

  constructor(...paths: string[]) {
    for (const path of paths) this.write(path, THRESHOLD);
  }

  write(path: string, content: number | null): void {
    this.files.set(path, content);
    this.stamps.set(path, (this.stamps.get(path) ?? 0) + 1);
  }

  openDevice(): Promise<Device & { lost: boolean }> {
    if (this.noDevice) return Promise.reject(new GpuError("no-adapter", "No GPU adapter found"));
    const device = {
      lost: false,
      closed: false,
      check() {
        if (this.lost) throw new GpuError("lost", "The GPU device was lost");
      },
      close() {
        this.closed = true;
      },
    };
    this.devices.push(device);
    return Promise.resolve(device);
  }

  openModel(device: Device & { lost: boolean }, path: string): Promise<Served> {
    const value = this.files.get(path) ?? null;
    if (value === null) return Promise.reject(new InputError(`Expected a model in ${path}, but found none`));
    const threshold = { value, from: "given", images: 0 } as const;
    const disposed = (): void => void this.disposed++;
    return Promise.resolve({
      decision: { image: threshold, pixel: threshold, spread: 10 },
      method: { name: "made-up", maps: this.maps },
      settings: { image_size: SIDE },
      info: { category: "thing" },
      scoreBatch: async (images, names) => {
        this.batches.push(images.length);
        await this.hold;
        device.check();
        const error = this.next;
        this.next = null;
        if (error) throw error;
        const bad = images.findIndex(({ data }) => data[0] === this.refused);
        if (bad >= 0) throw new InputError(`Expected another image than ${names[bad]}`);
        return images.map(({ width, height, data }) => ({
          score: data[0],
          normalised: 1 / (1 + Math.exp((value - data[0]) / 10)),
          label: data[0] > value ? "anomalous" : "normal",
          map: this.maps
            ? { width, height, data: Float32Array.from({ length: width * height }, (_, i) => data[3 * i]) }
            : null,
          area: { x: 0, y: 0, width, height },
        }));
      },
      [Symbol.dispose]: disposed,
    });
  }

  stamp(path: string): Promise<string | null> {
    return Promise.resolve(this.files.has(path) ? `${this.stamps.get(path)}` : null);
  }
}

/** A server, how to ask it, and what it has said to whoever runs it. */
export interface Asked {
  backend: FakeBackend;
  server: Server;
  /** Its address without a slash at the end. */
  url: string;
  ask(path: string, init?: RequestInit): Promise<Response>;
  lines: string[];
}

/** Runs `test` with a server of one made-up model, `thing`. */
export async function withServer(
  test: (asked: Asked) => Promise<void>,
  options: Partial<ServeOptions> = {},
  backend: FakeBackend = new FakeBackend(...options.models ?? ["thing.safetensors"]),
): Promise<void> {
  const lines: string[] = [], say = (line: string): void => void lines.push(line);
  await using server = await Server.start({
    models: ["thing.safetensors"],
    host: "127.0.0.1",
    port: 0,
    allowHosts: [],
    token: null,
    batch: 4,
    queue: 8,
    maxBytes: 2 ** 16,
    maxPixels: 10_000,
    bodySeconds: 10,
    version: "1.2.3",
    backend: backend as Backend,
    interval: 5,
    onAccess: say,
    onNotice: say,
    ...options,
  });
  const url = `http://127.0.0.1:${server.address.port}`;
  await test({ backend, server, url, ask: (path, init) => fetch(url + path, init), lines });
}

/** Waits until something is so. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!await isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** A request of one image. */
export const image = (body: Uint8Array<ArrayBuffer> | string): RequestInit => ({ method: "POST", body });
