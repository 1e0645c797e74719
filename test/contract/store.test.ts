import { describeStore } from "./store.ts";
import { subjects } from "./store-subjects.ts";

for (const subject of subjects) describeStore(subject);
