/**
 * A folder for a test's files, gone when the test is over.
 *
 * @module
 */

/** Runs `test` with the path of a new, empty folder, and removes it afterwards. */
export async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
