/** Identifiers: 12 characters of `0-9a-z`, branded per entity so that one kind is never taken for another. */
import * as z from "zod";
import { MAX_REF_CHARACTERS } from "./ref.ts";

const ID = /^[0-9a-z]{12}$/;

export const VmId = z.string().regex(ID).brand("VmId");
export type VmId = z.infer<typeof VmId>;

export const ImageId = z.string().regex(ID).brand("ImageId");
export type ImageId = z.infer<typeof ImageId>;

export const KernelId = z.string().regex(ID).brand("KernelId");
export type KernelId = z.infer<typeof KernelId>;

export const OperationId = z.string().regex(ID).brand("OperationId");
export type OperationId = z.infer<typeof OperationId>;

/** A command in a machine; made by the daemon, so that a repeated request joins the running command. */
export const ExecId = z.string().regex(ID).brand("ExecId");
export type ExecId = z.infer<typeof ExecId>;

/** A name or an unambiguous prefix of an id, as a person types it. */
export const Ref = z.string().min(1).max(MAX_REF_CHARACTERS);
export type Ref = z.infer<typeof Ref>;
