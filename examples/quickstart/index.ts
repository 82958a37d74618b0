import { BuiltImage } from "slipway/pulumi";
import { api } from "./images";

const image = new BuiltImage("api", { image: api });

export const uri = image.uri;
export const ref = image.ref;
