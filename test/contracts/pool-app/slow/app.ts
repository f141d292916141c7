// An app that takes its time: nothing gets through while it loads.
import { holdInNativeCode } from '../native-code.ts'

holdInNativeCode(2500)
