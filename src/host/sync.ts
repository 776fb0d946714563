/**
 * From the system's memory to the disk: what was written is there after a power failure only where it was synced, and its
 * name only where its folder was (POSIX, fsync).
 *
 * @module
 */

/** Errors of systems that can't sync a folder, as some of networks, by their codes. */
const UNKNOWN_THERE = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];

/** Waits until a file's content is on the disk. @throws what the system says */
export async function syncFile(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true });
  await file.sync();
}

/**
 * Waits until a folder's names are on the disk. On Windows, where a folder is no file, and where the system knows no such
 * thing or who writes there may not look, nothing is done: what can be done, is.
 *
 * @throws what else the system says
 */
export async function syncFolder(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  try {
    await syncFile(path || ".");
  } catch (error) {
    const isUnknown = UNKNOWN_THERE.includes((error as { code?: string }).code ?? "");
    if (!isUnknown && !(error instanceof Deno.errors.PermissionDenied)) throw error;
  }
}
