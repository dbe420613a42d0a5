import { countingFlags } from "../flag-metrics.ts";
import { flag } from "../flags.ts";

interface Input {
  question?: string;
  documents?: { id: string; text: string }[];
  limit?: number;
}

interface Output {
  passages: { id: string; score: number }[];
  prompt: string;
}

/** Ranks documents for a question by shared words (with the flag on, by shared word pairs too) and builds the prompt. */
async function rankPassages({ question = "", documents = [], limit = 3 }: Input): Promise<Output> {
  const enhanced = await flag("enable_enhanced_processing");
  const pairWeight = enhanced.enabled ? Number(enhanced.pairWeight ?? 2) : 0;
  const wanted = new Set(words(question));
  const wantedPairs = new Set(pairs(words(question)));
  const ranked = documents
    .map(({ id, text }) => {
      const found = words(text);
      const shared = found.filter((word) => wanted.has(word)).length;
      const sharedPairs = pairs(found).filter((pair) => wantedPairs.has(pair)).length;
      // By the root of the length, so that a long document does not win by being long.
      return { id, text, score: (shared + pairWeight * sharedPairs) / Math.sqrt(Math.max(found.length, 1)) };
    })
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.id.localeCompare(b.id))
    .slice(0, limit);
  return {
    passages: ranked.map(({ id, score }) => ({ id, score: Math.round(score * 1000) / 1000 })),
    prompt: [...ranked.map(({ id, text }) => `[${id}] ${text}`), `Question: ${question}`].join("\n"),
  };
}

export const handler = countingFlags(rankPassages);

const words = (text: string) => text.toLowerCase().match(/[\p{L}\d]{2,}/gu) ?? [];
const pairs = (list: string[]) => list.slice(1).map((word, i) => `${list[i]} ${word}`);
