import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { TaskError } from '../../src/index.ts'
import { analyse, app, type Report } from './app.ts'

/** `POST /reports` takes a text and answers 202 with an id; `GET /reports/<id>` tells what became of it. */
export function createReportServer(): Server {
  return createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      console.error(error)
      send(response, 500, { error: 'something went wrong' })
    })
  })
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const id = /^\/reports\/([\w-]+)$/.exec(request.url ?? '')?.[1]
  if (request.method === 'POST' && request.url === '/reports') {
    const result = await analyse.delay(await text(request))
    return send(response, 202, { id: result.id, href: `/reports/${result.id}` })
  }
  if (request.method === 'GET' && id !== undefined) return sendReport(response, id)
  send(response, 404, { error: 'POST /reports or GET /reports/<id>' })
}

async function sendReport(response: ServerResponse, id: string): Promise<void> {
  const result = app.result<Report>(id)
  if (!(await result.ready())) return send(response, 200, { state: await result.state() })
  try {
    send(response, 200, { state: 'SUCCESS', report: await result.get() })
  } catch (error) {
    if (!(error instanceof TaskError)) throw error
    send(response, 200, { state: 'FAILURE', error: error.message })
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
