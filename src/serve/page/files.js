// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * Files that were dropped or chosen, those in folders at any depth too.
 *
 * @module
 */

/** @typedef {{ name: string, file: File }} Found name: with its folders */

/** Paths of images: by their ends, and not hidden. Of folders nothing else is taken; a file that was meant by itself is tried whatever its name. */
const IMAGE = /^(?!(.*\/)?\.).*\.(png|jpe?g|jpe|jfif|bmp|tiff?|webp|gif)$/i;

/**
 * Files of a drop. To be called while the event is being handled.
 *
 * @param {DataTransfer} transfer @returns {Promise<{ found: Found[], left: number }>} left: files in folders that are no images
 */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.kind === "file" ? item.webkitGetAsEntry() : null);
  const files = [...transfer.files]; // read now: after the first await they are gone
  const folders = entries.filter((entry) => entry?.isDirectory);
  if (folders.length === 0) return { found: files.map((file) => ({ name: file.name, file })), left: 0 };
  /** @type {Found[]} */
  const found = [];
  let left = 0;
  for (const entry of entries) {
    for await (const file of entry ? filesIn(entry) : []) {
      if (entry?.isFile || IMAGE.test(file.name)) found.push(file);
      else left++;
    }
  }
  return { found, left };
}

/** Files of a folder that was chosen. @param {Iterable<File>} files */
export function chosen(files) {
  const all = [...files].map((file) => ({ name: file.webkitRelativePath || file.name, file }));
  const found = all.filter(({ name }) => IMAGE.test(name));
  found.sort((a, b) => a.name < b.name ? -1 : 1);
  return { found, left: all.length - found.length };
}

/** @param {FileSystemEntry} entry @returns {AsyncGenerator<Found>} sorted by name */
async function* filesIn(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject)
    );
    yield { name: entry.fullPath.replace(/^\//, ""), file };
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader(), entries = [];
  for (;;) { // gives a hundred or so at a time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    entries.push(...some);
  }
  for (const inner of entries.sort((a, b) => a.name < b.name ? -1 : 1)) yield* filesIn(inner);
}

/** Gives a file to the user. @param {Blob} content @param {string} name */
export function save(content, name) {
  const link = document.createElement("a"), address = URL.createObjectURL(content);
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // once it has begun
}
