/**
 * The part `bench`: rows of `adtr bench`, told as they come.
 *
 * @module
 */
import { bench } from "../../src/bench/bench.ts";
import { tell, told } from "./part.ts";

const { quick } = told();
const only = quick
  ? /^(ceiling|dispatch|submit|read-back|gemm 4096x256x256$|attention 16x64|conv 4x4 16x16|training step B=8)/
  : /^(ceiling|dispatch|submit|read-back|gemm|attention|layernorm|adamw|conv [34]x[34]|efficientnet_b4|training step)/;
for (const row of await bench({ only, onRow: (row) => tell({ row }) })) tell({ of_ceiling: row });
