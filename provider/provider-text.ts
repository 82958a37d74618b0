const FIND =
  "let f;const l=()=>f??=import('slipway/lifecycle').catch(e=>{try{return require('module').createRequire(require.main.filename)('slipway/lifecycle')}catch{throw e}});";
const LOAD = `${FIND}const c=n=>async(...a)=>{let m;try{m=await l()}catch(e){if(n==='read')return{id:a[0],props:a[1]};if(n==='delete')return;throw e}`;
const CALLS = "Object.fromEntries(['check','diff','create','update','read','delete'].map(n=>[n,c(n)]))";

/**
 * The text by which Pulumi's dynamic provider process finds one of our providers. It is constant: the state holds no
 * code, and an upgrade of Slipway is no change. The library is looked for from the program's folder, then from the
 * program's own main module (in a workspace only a wrapper package may see it). Where neither has it, as on a destroy
 * without node_modules, nothing is lost: delete does nothing, read keeps all. It is looked for once.
 */
export function providerText(name: "warmGate" | "pauseImage"): string {
  return `exports.handler=()=>{${LOAD}return(await m.${name}())[n](...a)};return ${CALLS}}`;
}

/** The same for images; `configure` waits for nothing, so the stack's config is there before anything else is called. */
export const imageProviderText = `exports.handler=()=>{let g;${LOAD}return m.provider(g)[n](...a)};return{...${CALLS},configure:r=>{g=r.config}}}`;
