import { playSeries } from "./series.js";

playSeries(2);
