import { VERTEX_SHADER } from '../shaders';

/** A program of the graphics processor, and where its uniforms are. */
export class Program<Name extends string> {
  private readonly program: WebGLProgram;
  private readonly shaders: readonly WebGLShader[];
  private found: Record<Name, WebGLUniformLocation | null> | null = null;

  /** Has it made; nothing waits for that before {@link use}. */
  constructor(
    private readonly gl: WebGL2RenderingContext,
    fragments: string,
    private readonly names: readonly Name[],
  ) {
    this.program = gl.createProgram();
    this.shaders = [
      this.compile(gl.VERTEX_SHADER, VERTEX_SHADER),
      this.compile(gl.FRAGMENT_SHADER, fragments),
    ];
    gl.linkProgram(this.program);
  }

  /** Draws with it from now on. */
  use(): Record<Name, WebGLUniformLocation | null> {
    const { gl, program } = this;
    this.found ??= this.check();
    gl.useProgram(program);
    return this.found;
  }

  private compile(type: GLenum, source: string): WebGLShader {
    const { gl } = this;
    const shader = gl.createShader(type);
    if (shader === null) throw new Error('the WebGL context was lost while it was set up');
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(this.program, shader);
    return shader;
  }

  private check(): Record<Name, WebGLUniformLocation | null> {
    const { gl, program } = this;
    if (gl.getProgramParameter(program, gl.LINK_STATUS) !== true && !gl.isContextLost()) {
      const logs = [
        ...this.shaders.map((shader) => gl.getShaderInfoLog(shader)),
        gl.getProgramInfoLog(program),
      ];
      throw new Error(
        `shaders do not link: ${logs.filter((log) => log !== null && log !== '').join(' ')}`,
      );
    }
    return Object.fromEntries(
      this.names.map((name) => [name, gl.getUniformLocation(program, name)]),
    ) as Record<Name, WebGLUniformLocation | null>;
  }
}

/** A texture bound to that unit, whose texels are taken as they are: cells keep their edges. */
export function nearestTexture(gl: WebGL2RenderingContext, textureUnit: number): WebGLTexture {
  const texture = gl.createTexture();
  gl.activeTexture(gl.TEXTURE0 + textureUnit);
  gl.bindTexture(gl.TEXTURE_2D, texture);
  // Float textures are not filterable everywhere.
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  return texture;
}
